/** A chat's kernel for the harness and the tests: it holds a conversation and answers as the real one does. */

import { FakeKernel } from "./fake.js";
import type { Listener, Model } from "./host.js";
import type {
  ChatTurn,
  Edit,
  Event,
  FromChat,
  FromKernel,
  FromPage,
  Json,
  Regenerate,
  Resume,
  Send,
  Thread,
  ToChat,
} from "./protocol.gen.js";
import { stateAfter } from "./state.js";

/** What the chat answers to a question. */
export type Answering = (question: string, model: string) => readonly Event[];

export class FakeChat implements Model {
  /** All that the page has sent. */
  readonly heard: (FromPage | ToChat)[] = [];
  /** False for a kernel that is busy: what it is sent is lost. */
  listening = true;
  /** Names of variables, with what each would insert. */
  variables: Readonly<Record<string, string>> = { df: "DataFrame, 150 rows", days: "list of 7", x: "3.14" };
  /** Milliseconds between two events; with 0 the caller plays them. */
  readonly interval: number;
  readonly #answering: Answering;
  readonly #runs = new Map<string, FakeKernel>();
  readonly #versions = new Map<number, ChatTurn[]>();
  readonly #traits = new Map<string, Json>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #tokens = new Set<string>();
  /** How many events each run has. */
  readonly #sizes = new Map<string, number>();
  #thread: Thread;
  #count = 0;

  constructor(thread: Partial<Thread>, answering: Answering, interval = 0) {
    this.#answering = answering;
    this.interval = interval;
    this.#thread = { turns: [], model: "demo:markdown", scripted: true, ...thread };
    this.publish();
  }

  get(name: string): Json | undefined {
    return this.#traits.get(name);
  }

  traits(values: Readonly<Record<string, Json>>): void {
    for (const [name, value] of Object.entries(values)) this.#traits.set(name, value);
  }

  on(event: string, listener: Listener): void {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(message: FromPage | ToChat): void {
    this.heard.push(message);
    if (this.listening) this.#obey(message);
  }

  /** Tells every page. */
  deliver(message: FromKernel | FromChat): void {
    this.emit("msg:custom", JSON.parse(JSON.stringify(message)));
  }

  emit(event: string, content: Json = null): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(content);
  }

  /** The thread as it is now, into its trait. */
  publish(change: Partial<Thread> = {}): void {
    const turns = this.#thread.turns.map((turn) => this.#current(turn));
    this.#thread = { ...this.#thread, turns, ...change };
    this.#traits.set("thread", JSON.parse(JSON.stringify(this.#thread)));
    this.emit("change:thread");
  }

  /** A turn that is over already. */
  past(question: string, events: readonly Event[]): void {
    const run = this.#newRun();
    for (const event of events) this.#append(run, event);
    run.flush(2);
    this.#add({ id: this.#number(), question, run: run.run });
  }

  /** The events of the last run, one after the other, as far as `events` goes. */
  play(events: readonly Event[]): void {
    const run = this.#runs.get(this.#thread.turns.at(-1)?.run ?? "");
    if (!run) return;
    for (const event of events) this.#append(run, event);
    this.#flush(run);
  }

  #obey(message: FromPage | ToChat): void {
    if ("token" in message) {
      if (this.#tokens.has(message.token)) return;
      this.#tokens.add(message.token);
    }
    switch (message.type) {
      case "stop":
        this.#grow(message.run);
        this.#runs.get(message.run)?.send(message);
        return this.publish();
      case "decide":
        this.#grow(message.run);
        return this.#runs.get(message.run)?.send(message);
      case "sync":
        return this.#runs.get(message.run)?.send(message);
      case "send":
        return this.#begin(
          { id: this.#number(), question: message.text, attached: attached(message) },
          message,
        );
      case "edit":
      case "regenerate":
      case "resume":
        return this.#branch(message);
      case "switch":
        return this.#replace(message.turn, this.#versions.get(message.turn)?.[message.branch]);
      case "delete":
        return this.#cut(message.turn);
      case "clear":
        return this.publish({ turns: [] });
      case "keep":
        return this.deliver({ type: "said", text: `The answer is in ${message.name} now.` });
      case "need_lasting":
        return this.deliver({ type: "lasting", html: "<p>All of it</p>", text: "All of it" });
      case "complete":
        return this.#complete(message.prefix);
    }
  }

  #complete(prefix: string): void {
    const names = Object.keys(this.variables).filter((name) => name.startsWith(prefix));
    const hints = names.map((name) => this.variables[name] ?? "");
    this.deliver({ type: "completions", prefix, names, hints });
  }

  #branch(message: Edit | Regenerate | Resume): void {
    const turn = this.#thread.turns.find(({ id }) => id === message.turn);
    if (!turn) return;
    const question = message.type === "edit" ? message.text : turn.question;
    const versions = this.#versions.get(turn.id) ?? [turn];
    this.#versions.set(turn.id, versions);
    const id = this.#number();
    this.#versions.set(id, versions);
    const branch = versions.length;
    this.#begin({ id, question, branch, branches: branch + 1 }, message, turn);
  }

  /** Asks, in the place of another turn or below the last. */
  #begin(turn: ChatTurn, request: Send | Edit | Regenerate | Resume, instead?: ChatTurn): void {
    const run = this.#newRun();
    const model = ("model" in request && request.model) || this.#thread.model;
    const begun: ChatTurn = { ...turn, run: run.run, model, state: "waiting", token: request.token };
    this.#versions.get(turn.id)?.push(begun);
    this.#add(begun, instead);
    if (this.interval > 0) this.#playSlowly(run, [...this.#answering(turn.question, model)]);
  }

  #playSlowly(run: FakeKernel, due: Event[]): void {
    const started = performance.now();
    const ticking = setInterval(() => {
      if (run.state === "approval") return;
      const event = due.shift();
      if (!event || run.state === "stopped") return clearInterval(ticking);
      this.#append(run, event);
      this.#flush(run, (performance.now() - started) / 1000);
    }, this.interval);
  }

  #append(run: FakeKernel, event: Event): void {
    run.append(event);
    this.#grow(run.run);
    run.state = stateAfter(event, run.state);
  }

  #grow(run: string): void {
    this.#sizes.set(run, (this.#sizes.get(run) ?? 0) + 1);
  }

  #flush(run: FakeKernel, elapsed = 1): void {
    run.deliver(run.flush(elapsed));
    if (["done", "failed", "stopped"].includes(run.state)) this.publish();
  }

  #newRun(): FakeKernel {
    const run = new FakeKernel(`run-${this.#number()}`);
    run.on("msg:custom", (content) => this.emit("msg:custom", content));
    this.#runs.set(run.run, run);
    return run;
  }

  #add(turn: ChatTurn, instead?: ChatTurn): void {
    const { turns } = this.#thread;
    const before = instead ? turns.slice(0, turns.indexOf(instead)) : turns;
    this.publish({ turns: [...before, this.#current(turn)] });
  }

  #replace(id: number, version: ChatTurn | undefined): void {
    const branches = this.#versions.get(id)?.length ?? 1;
    if (!version) return;
    const shown = { ...this.#current(version), branches };
    this.publish({ turns: this.#thread.turns.map((turn) => (turn.id === id ? shown : turn)) });
  }

  #cut(id: number): void {
    const index = this.#thread.turns.findIndex((turn) => turn.id === id);
    this.publish({ turns: this.#thread.turns.slice(0, index) });
  }

  /** The turn with what its run has come to. */
  #current(turn: ChatTurn): ChatTurn {
    const run = this.#runs.get(turn.run ?? "");
    if (!run) return turn;
    const continues = run.state === "failed" || run.state === "stopped";
    return { ...turn, state: run.state, next: this.#sizes.get(run.run) ?? 0, continues };
  }

  #number(): number {
    this.#count += 1;
    return this.#count;
  }
}

function attached({ files = [] }: Send) {
  return files.map(({ name, media_type, data }) => ({ name, media_type, size: (data.length * 3) / 4 }));
}
