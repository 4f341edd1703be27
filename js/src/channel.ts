/**
 * The page's end of the line to the kernel: one per model, for any number of views. Messages may be lost, late, twice
 * or never come; whatever happens the run ends up as the kernel's log has it. Only here is anything untyped.
 */

import { Acknowledgements } from "./acknowledgements.js";
import { Decisions } from "./decisions.js";
import { interrupt, type Listener, type Model } from "./host.js";
import type { Batch, FromKernel, FromPage, Snapshot } from "./protocol.gen.js";
import { isOver, newRun, reduce, type Run } from "./state.js";

/** A kernel that has not heard a stop by then hears nothing while it runs. */
const STOP_PATIENCE = 700;
/** How long a message may be under way before it is asked for, growing with every question. */
const FIRST_PATIENCE = 300;
const LONGEST_PATIENCE = 5000;
/** After so many questions without an answer the view says that text is missing; after twice as many none is asked. */
const QUESTIONS = 6;
const PENDING_LIMIT = 256;
const REBUILDS = 3;

export class Channel {
  run: Run = newRun("");
  stopping = false;
  /** True when the kernel no longer answers and part of the text is missing. */
  incomplete = false;

  readonly #model: Model;
  readonly #watchers = new Set<() => void>();
  readonly #pending = new Map<number, Batch>();
  #snapshot: Snapshot | null = null;
  #views = 0;
  #hadViews = false;
  #left = false;
  #overlapped = false;
  #patience = FIRST_PATIENCE;
  #questions = 0;
  #rebuilds = 0;
  #question = 0;
  #stopTimer = 0;
  readonly #acknowledgements = new Acknowledgements((painted) =>
    this.#send({ type: "ack", run: this.run.id, painted }),
  );

  /** What the reader says to requests for consent. */
  readonly decisions = new Decisions(
    (answer) => this.#send({ type: "decide", run: this.run.id, ...answer }),
    () => this.#tell(),
  );

  /** `early` are messages that came before the channel did. */
  constructor(model: Model, signal: AbortSignal, early: readonly unknown[] = []) {
    this.#model = model;
    this.#listen("msg:custom", (content) => this.#receive(content), signal);
    this.#listen("change:snapshot", () => this.#readSnapshot(), signal);
    signal.addEventListener("abort", () => this.#silence());
    this.#adopt();
    for (const content of early) this.#receive(content);
    this.sync();
  }

  /** Calls `watcher` after every change. */
  watch(watcher: () => void, signal: AbortSignal): void {
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher));
  }

  /** Counts a view for as long as its signal lives; when the last leaves a run that is over, the kernel is told. */
  attach(signal: AbortSignal): void {
    this.#views += 1;
    this.#hadViews = true;
    signal.addEventListener("abort", () => {
      this.#views -= 1;
      this.#leave();
    });
    this.#tell();
  }

  get shown(): boolean {
    return this.#views > 0;
  }

  /** Asks for all events from where the run stands. */
  sync(): void {
    if (this.run.id) this.#send({ type: "sync", run: this.run.id, have: this.run.next });
  }

  /** Asks the kernel to end the run; interrupts it when it does not hear. */
  stop(): void {
    if (this.stopping || isOver(this.run.state) || !this.run.id) return;
    this.stopping = true;
    this.#send({ type: "stop", run: this.run.id });
    this.#stopTimer = window.setTimeout(() => {
      if (!isOver(this.run.state)) void interrupt(this.#model);
    }, STOP_PATIENCE);
    this.#tell();
  }

  /** Notes that everything before `next` is on the screen. */
  painted(next: number): void {
    this.#acknowledgements.note(next);
  }

  #listen(event: string, listener: (content: unknown) => void, signal: AbortSignal): void {
    const added: Listener = listener;
    this.#model.on(event, added);
    signal.addEventListener("abort", () => this.#model.off(event, added));
  }

  #receive(content: unknown): void {
    if (!isMessage(content)) return;
    switch (content.type) {
      case "batch":
        return this.#take(content);
      case "stopping":
        if (content.run === this.run.id) clearTimeout(this.#stopTimer);
        return;
      case "bundle":
        return;
    }
  }

  #take(batch: Batch): void {
    if (batch.run !== this.run.id || batch.next < this.run.next) return;
    if (batch.first === 0 && batch.next > this.run.next) this.#retell();
    if (batch.first < this.run.next && batch.next > this.run.next) {
      // Its deltas are joined, so it cannot be cut. Usually the rest is under way already.
      this.#overlapped = true;
      return this.#askLater();
    }
    if (batch.first > this.run.next) {
      if (this.#pending.size < PENDING_LIMIT) this.#pending.set(batch.first, batch);
      return this.#askNow();
    }
    for (let due: Batch | undefined = batch; due; due = this.#nextPending()) this.#apply(due);
    this.#check();
    this.#tell();
  }

  #apply(batch: Batch): void {
    if (batch.next > this.run.next) {
      for (const event of batch.events) reduce(this.run, event);
      this.run.next = batch.next;
      this.#overlapped = false;
      this.#patience = FIRST_PATIENCE;
      this.#questions = 0;
      this.incomplete = false;
    } else if (isOver(this.run.state)) {
      return;
    }
    this.run.state = batch.state ?? this.run.state;
    if (batch.figures) this.run.figures = batch.figures;
  }

  #nextPending(): Batch | undefined {
    const due = this.#pending.get(this.run.next);
    for (const [first, batch] of this.#pending) {
      if (first <= this.run.next || batch.next <= this.run.next) this.#pending.delete(first);
    }
    return due;
  }

  #readSnapshot(): void {
    if (this.#adopt()) this.sync();
    this.#check();
    this.#tell();
  }

  /** Takes over what the snapshot says; true when it speaks of another run than before. */
  #adopt(): boolean {
    const snapshot: unknown = this.#model.get("snapshot");
    if (!isSnapshot(snapshot)) return false;
    const begun = snapshot.run !== this.run.id;
    if (begun) this.#begin(snapshot.run);
    this.#snapshot = snapshot;
    this.run.format = snapshot.format ?? "markdown";
    if (snapshot.next >= this.run.next) {
      this.run.model ||= snapshot.model;
      this.run.scripted ||= snapshot.scripted ?? false;
      this.run.state = snapshot.state;
      this.run.figures = snapshot.figures;
    }
    return begun;
  }

  #begin(run: string): void {
    this.run = newRun(run);
    this.#pending.clear();
    this.#overlapped = false;
    this.stopping = false;
    this.#silence();
  }

  #check(): void {
    if (isOver(this.run.state)) clearTimeout(this.#stopTimer);
    if (this.#pending.size > 0) this.#askNow();
    else if (this.#behind()) this.#askLater();
    if (isOver(this.run.state)) this.#leave();
  }

  #behind(): boolean {
    const known = this.#snapshot;
    if (!known) return false;
    return this.#overlapped || this.#pending.size > 0 || this.run.next < known.next || this.#disagrees();
  }

  /** True when everything came and still the text has another length than the kernel's. */
  #disagrees(): boolean {
    const known = this.#snapshot;
    if (!known || !isOver(known.state) || this.run.next !== known.next) return false;
    // A chat's thread says it only when somebody counted.
    if (known.characters === undefined) return false;
    return this.run.characters !== known.characters && this.#rebuilds < REBUILDS;
  }

  #askNow(): void {
    if (this.#question) return;
    this.sync();
    this.#askLater();
  }

  #askLater(): void {
    if (this.#question) return;
    this.#question = window.setTimeout(() => {
      this.#question = 0;
      if (!this.#behind() || this.#questions >= 2 * QUESTIONS) return;
      this.#ask();
      this.#askLater();
    }, this.#patience);
  }

  #ask(): void {
    if (this.#disagrees()) {
      this.#rebuilds += 1;
      this.#retell();
    }
    this.sync();
    this.#questions += 1;
    this.#patience = Math.min(this.#patience * 2, LONGEST_PATIENCE);
    if (this.#questions >= QUESTIONS && isOver(this.run.state)) {
      this.incomplete = true;
      this.#tell();
    }
  }

  /** Empties the run, to be told again from its beginning. */
  #retell(): void {
    const { id, state, figures, model, scripted, format } = this.run;
    this.run = { ...newRun(id), state, figures, model, scripted, format };
  }

  #leave(): void {
    if (this.#left || this.#views > 0 || !this.#hadViews || !isOver(this.run.state)) return;
    this.#left = true;
    this.#send({ type: "gone", run: this.run.id });
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #silence(): void {
    clearTimeout(this.#question);
    clearTimeout(this.#stopTimer);
    this.#question = 0;
    this.#acknowledgements.reset();
    this.decisions.reset();
  }

  #send(message: FromPage): void {
    try {
      this.#model.send(message);
    } catch {
      // The line is closed: a notebook without a kernel, or a view that outlived its model.
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isMessage(value: unknown): value is FromKernel {
  if (!isRecord(value)) return false;
  if (value["type"] !== "batch") return value["type"] === "stopping" || value["type"] === "bundle";
  return Array.isArray(value["events"]) && isCount(value["first"]) && isCount(value["next"]);
}

function isSnapshot(value: unknown): value is Snapshot {
  return (
    isRecord(value) &&
    typeof value["run"] === "string" &&
    isCount(value["next"]) &&
    isRecord(value["figures"])
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
