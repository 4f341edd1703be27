/** One answer of a chat as its channel sees it: a model of its own on the one line that all answers share. */

import type { Listener, Model } from "./host.js";
import type { ChatTurn, Figures, FromPage, Json } from "./protocol.gen.js";

export class RunModel implements Model {
  readonly #send: (message: FromPage) => void;
  readonly #listeners = new Map<string, Set<Listener>>();
  #snapshot: Json = null;

  constructor(turn: ChatTurn, send: (message: FromPage) => void) {
    this.#send = send;
    this.update(turn, { elapsed: 0 });
  }

  get(name: string): Json | undefined {
    return name === "snapshot" ? this.#snapshot : undefined;
  }

  on(event: string, listener: Listener): void {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(message: FromPage): void {
    this.#send(message);
  }

  /** Hands over a message of the kernel's about this run. */
  deliver(content: Json): void {
    this.#tell("msg:custom", content);
  }

  /** Takes over what the thread says about the run. The thread holds no figures: those that came stay. */
  update(
    { run = "", next = 0, state = "waiting", model = "", characters }: ChatTurn,
    figures: Figures,
  ): void {
    const counted = characters == null ? {} : { characters };
    this.#snapshot = { run, next, state, model, figures: { ...figures }, ...counted };
    this.#tell("change:snapshot", null);
  }

  #tell(event: string, content: Json): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(content);
  }
}
