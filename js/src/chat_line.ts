/**
 * The page's end of the line of one chat, for any number of views: the thread as the kernel last told it, a channel for
 * each answer that somebody looks at, and what is under way. What comes is read with distrust, as in `channel.ts`.
 */

import { Channel } from "./channel.js";
import type { Listener, Model } from "./host.js";
import { watchLiveness } from "./liveness.js";
import type {
  ChatTurn,
  Completions,
  FromChat,
  FromKernel,
  Json,
  Lasting,
  Said,
  Thread,
  ToChat,
} from "./protocol.gen.js";
import { Requests, type Request } from "./requests.js";
import { RunModel } from "./run_model.js";
import { isOver } from "./state.js";

const EMPTY: Thread = { turns: [], model: "" };

/** An answer somebody looks at. The channel asks as soon as it is made, so the model has its place before. */
interface Line {
  readonly model: RunModel;
  readonly alive: AbortController;
  channel: Channel | null;
}

export class ChatLine {
  thread: Thread = EMPTY;
  /** False when no kernel hears what is sent. */
  live = true;
  /** True once a kernel was there: then the page holds more than what was saved. */
  wasLive = false;
  /** What the kernel said last to the user. */
  said: Said | null = null;
  completions: Completions | null = null;
  /** What lasts of the chat, as the kernel sent it last. */
  lasting: Lasting | null = null;
  readonly model: Model;
  readonly requests = new Requests(
    (request) => this.send(request),
    () => this.#tell(),
  );
  readonly #lines = new Map<string, Line>();
  readonly #watchers = new Set<() => void>();

  /** `early` are messages that came before the line did. */
  constructor(model: Model, signal: AbortSignal, early: readonly Json[] = []) {
    this.model = model;
    this.#listen("msg:custom", (content) => this.#receive(content), signal);
    this.#listen("change:thread", () => this.#readThread(), signal);
    signal.addEventListener("abort", () => this.#close());
    this.#readThread();
    for (const content of early) this.#receive(content);
    watchLiveness(model, (live) => this.#become(live), signal);
  }

  /** Calls `watcher` after every change of the thread and of what is under way; answers have channels of their own. */
  watch(watcher: () => void, signal: AbortSignal): void {
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher));
  }

  /** The channel of the turn's answer; the first time, the kernel is asked for all of it. */
  channel(turn: ChatTurn): Channel {
    const run = turn.run ?? "";
    const known = this.#lines.get(run)?.channel;
    if (known) return known;
    const alive = new AbortController();
    const model = new RunModel(turn, (message) => this.send(message));
    const line: Line = { model, alive, channel: null };
    this.#lines.set(run, line);
    return (line.channel = new Channel(model, alive.signal));
  }

  /** The turn that is being answered. */
  get running(): ChatTurn | null {
    const last = this.thread.turns.at(-1);
    if (!last?.run) return null;
    // What came of the answer knows more than the thread, which is told now and then only.
    const state = this.#lines.get(last.run)?.channel?.run.state ?? last.state ?? "waiting";
    return isOver(state) ? null : last;
  }

  ask(request: Request, giveBack?: () => void): void {
    this.said = null;
    this.requests.ask(request, this.thread, giveBack);
  }

  send(message: Parameters<Model["send"]>[0] | ToChat): void {
    try {
      this.model.send(message);
    } catch {
      // The line is closed: a notebook without a kernel, or a view that outlived its model.
    }
  }

  #listen(event: string, listener: Listener, signal: AbortSignal): void {
    this.model.on(event, listener);
    signal.addEventListener("abort", () => this.model.off(event, listener));
  }

  #receive(content: Json): void {
    const message: unknown = content;
    if (!isMessage(message)) return;
    switch (message.type) {
      case "batch":
      case "stopping":
        return this.#lines.get(message.run)?.model.deliver(content);
      case "said":
        this.said = message;
        if (message.error) this.requests.refuse(message.token ?? "");
        return this.#tell();
      case "completions":
        this.completions = message;
        return this.#tell();
      case "lasting":
        this.lasting = message;
        return this.#tell();
      case "bundle":
        return;
    }
  }

  #readThread(): void {
    const thread: unknown = this.model.get("thread");
    if (!isThread(thread)) return;
    this.thread = thread;
    this.requests.settle(thread);
    const turns = new Map(thread.turns.map((turn) => [turn.run, turn]));
    for (const [run, line] of this.#lines) {
      const turn = turns.get(run);
      if (turn) line.model.update(turn, line.channel?.run.figures ?? { elapsed: 0 });
      else this.#drop(run);
    }
    this.#tell();
  }

  #become(live: boolean): void {
    this.live = live;
    this.wasLive ||= live;
    if (!live) this.requests.abandon();
    this.#tell();
  }

  #drop(run: string): void {
    this.#lines.get(run)?.alive.abort();
    this.#lines.delete(run);
  }

  #close(): void {
    for (const run of [...this.#lines.keys()]) this.#drop(run);
    this.requests.reset();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

const TYPES = new Set<unknown>(["batch", "stopping", "said", "completions", "lasting", "bundle"]);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isMessage(value: unknown): value is FromKernel | FromChat {
  if (!isRecord(value) || !TYPES.has(value["type"])) return false;
  if (value["type"] === "completions") return isList(value["names"]) && isList(value["hints"]);
  if (value["type"] === "lasting")
    return typeof value["html"] === "string" && typeof value["text"] === "string";
  return value["type"] !== "said" || typeof value["text"] === "string";
}

function isThread(value: unknown): value is Thread {
  return isRecord(value) && isList(value["turns"]) && value["turns"].every(isTurn);
}

function isTurn(value: unknown): value is ChatTurn {
  return isRecord(value) && typeof value["id"] === "number" && typeof value["question"] === "string";
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
