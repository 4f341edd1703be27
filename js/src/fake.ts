/** A kernel for the harness and the tests: it holds a log of events and answers as the real one does. */

import type { Listener, Model } from "./host.js";
import type {
  Batch,
  Decide,
  Event,
  Format,
  FromKernel,
  FromPage,
  Json,
  Snapshot,
  ViewState,
} from "./protocol.gen.js";

export class FakeKernel implements Model {
  /** All that the page has sent. */
  readonly heard: FromPage[] = [];
  /** The calls that the page has refused. */
  readonly denied = new Set<string>();
  readonly run: string;
  readonly format: Format;
  state: ViewState = "waiting";
  /** False for a kernel that hears nothing while a cell runs. */
  listening = true;
  readonly #events: Event[] = [];
  readonly #traits = new Map<string, Json>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #sent = 0;
  #elapsed = 0;

  constructor(run = "run", format: Format = "markdown") {
    this.run = run;
    this.format = format;
    this.snapshot();
  }

  get(name: string): Json | undefined {
    return this.#traits.get(name);
  }

  on(event: string, listener: Listener): void {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(message: FromPage): void {
    this.heard.push(message);
    if (!this.listening) return;
    if (message.type === "sync" && message.run === this.run)
      this.deliver(this.batch(message.have, this.#sent));
    if (message.type === "stop") this.stop();
    if (message.type === "decide") this.#decide(message);
  }

  set(name: string, value: Json): void {
    this.#traits.set(name, value);
    for (const listener of this.#listeners.get(`change:${name}`) ?? []) listener(null);
  }

  append(...events: Event[]): void {
    this.#events.push(...events);
  }

  /** The events not sent yet, as one message; sending it is the caller's business. */
  flush(elapsed = 0): Batch {
    this.#elapsed = elapsed;
    const batch = this.batch(this.#sent, this.#events.length);
    this.#sent = this.#events.length;
    return batch;
  }

  batch(first: number, next: number): Batch {
    const events = joined(this.#events.slice(first, next));
    return { type: "batch", run: this.run, first, next, events, state: this.state, figures: this.#figures() };
  }

  deliver(message: FromKernel): void {
    const content: Json = JSON.parse(JSON.stringify(message));
    for (const listener of [...(this.#listeners.get("msg:custom") ?? [])]) listener(content);
  }

  snapshot(): void {
    const { run, state } = this;
    const figures = this.#figures();
    const next = this.#events.length;
    const snapshot: Snapshot = {
      run,
      next,
      state,
      model: "demo",
      figures,
      characters: this.#characters(),
      scripted: true,
      format: this.format,
    };
    this.set("snapshot", JSON.parse(JSON.stringify(snapshot)));
  }

  stop(): void {
    this.deliver({ type: "stopping", run: this.run });
    this.append({ type: "finished", reason: "cancelled" });
    this.state = "stopped";
    this.deliver(this.flush(this.#elapsed));
    this.snapshot();
  }

  /** Only what was asked is answered, and only once. */
  #decide({ run, id, digest, approved }: Decide): void {
    const about = this.#events.findLast(
      (event) => event.type.startsWith("approval") && "id" in event && event.id === id,
    );
    if (run !== this.run || about?.type !== "approval_request" || about.digest !== digest) return;
    if (!approved) this.denied.add(id);
    this.append({ type: "approval_result", id, name: about.name, approved });
    this.state = "tool";
    this.deliver(this.flush(this.#elapsed));
  }

  #characters(): number {
    const lengths = this.#events.map((event) => (event.type === "text" ? [...event.text].length : 0));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  #figures() {
    const elapsed = this.#elapsed;
    const rate = elapsed > 0 ? 55 + 25 * Math.sin(elapsed * 2) : 0;
    const tokens = this.#events.length;
    return {
      elapsed,
      chunks: tokens,
      tokens,
      tokens_per_second: rate,
      time_to_first_token: 0.184,
      cost: 0.0012,
    };
  }
}

/** Neighbouring deltas of one part as one event, as the kernel sends them. */
function joined(events: readonly Event[]): Event[] {
  const result: Event[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type === "text" && last?.type === "text" && last.part === event.part) {
      result[result.length - 1] = { ...last, text: last.text + event.text };
    } else {
      result.push(event);
    }
  }
  return result;
}
