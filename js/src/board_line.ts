/**
 * The page's end of the line of one dashboard, for any number of views: the board as the kernel last told it, and the
 * stops that are under way. What comes is read with distrust, as in `channel.ts`.
 */

import { interruptNow, type Listener, type Model } from "./host.js";
import { watchLiveness } from "./liveness.js";
import type { Board, BoardRun, FromPage, Json } from "./protocol.gen.js";
import { isOver } from "./state.js";

/** A kernel that has not heard a stop by then hears nothing while a cell runs. */
const STOP_PATIENCE = 700;

export class BoardLine {
  board: Board = {};
  /** False when no kernel hears what is sent. */
  live = true;
  /** True once a kernel was there: then the page holds more than what was saved. */
  wasLive = false;
  readonly #model: Model;
  readonly #watchers = new Set<() => void>();
  /** The runs that were asked to end, each with the timer of who interrupts the kernel. */
  readonly #stopping = new Map<string, number>();

  /** `early` are messages that came before the line did. */
  constructor(model: Model, signal: AbortSignal, early: readonly Json[] = []) {
    this.#model = model;
    this.#listen("msg:custom", (content) => this.#receive(content), signal);
    this.#listen("change:board", () => this.#read(), signal);
    signal.addEventListener("abort", () => this.#forget());
    this.#read();
    for (const content of early) this.#receive(content);
    // A kernel tells only dashboards that somebody looks at.
    this.#send({ type: "sync", run: "", have: 0 });
    watchLiveness(model, (live) => this.#become(live), signal);
  }

  /** Calls `watcher` after every change. */
  watch(watcher: () => void, signal: AbortSignal): void {
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher));
  }

  isStopping(run: string): boolean {
    return this.#stopping.has(run);
  }

  /** Asks the kernel to end the run; interrupts it when it does not hear because a cell waits for that very run. */
  stop({ run, waited = false }: BoardRun): void {
    if (this.#stopping.has(run)) return;
    const timer = waited ? window.setTimeout(() => void interruptNow(this.#model), STOP_PATIENCE) : 0;
    this.#stopping.set(run, timer);
    this.#send({ type: "stop", run });
    this.#tell();
  }

  #listen(event: string, listener: Listener, signal: AbortSignal): void {
    this.#model.on(event, listener);
    signal.addEventListener("abort", () => this.#model.off(event, listener));
  }

  #receive(content: unknown): void {
    if (isRecord(content) && content["type"] === "stopping") this.#heard(String(content["run"]));
  }

  /** The kernel knows: it need not be interrupted. */
  #heard(run: string): void {
    clearTimeout(this.#stopping.get(run));
  }

  #read(): void {
    const board: unknown = this.#model.get("board");
    if (!isBoard(board)) return;
    this.board = board;
    const running = new Set(board.runs?.filter(({ state }) => !isOver(state)).map(({ run }) => run));
    for (const run of [...this.#stopping.keys()]) {
      if (running.has(run)) continue;
      this.#heard(run);
      this.#stopping.delete(run);
    }
    this.#tell();
  }

  #become(live: boolean): void {
    this.live = live;
    this.wasLive ||= live;
    this.#tell();
  }

  #forget(): void {
    for (const run of this.#stopping.keys()) this.#heard(run);
    this.#stopping.clear();
  }

  #send(message: FromPage): void {
    try {
      this.#model.send(message);
    } catch {
      // The line is closed: a notebook without a kernel, or a view that outlived its model.
    }
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isBoard(value: unknown): value is Board {
  if (!isRecord(value)) return false;
  const { runs = [], rates = [] } = value;
  return Array.isArray(runs) && runs.every(isRun) && Array.isArray(rates);
}

function isRun(value: unknown): value is BoardRun {
  return isRecord(value) && typeof value["run"] === "string" && isRecord(value["figures"]);
}
