/** The reader's answers to requests for consent, on their way to the kernel. One that was lost can be given again. */

import type { ApprovalRequest, Decide } from "./protocol.gen.js";

/** A kernel that has not said by then that it heard may be asked again. */
const PATIENCE = 2000;

type Answer = Omit<Decide, "type" | "run">;

export class Decisions {
  readonly #send: (answer: Answer) => void;
  readonly #changed: () => void;
  readonly #timers = new Map<string, number>();

  /** `changed` is called whenever an answer sets out, and when it may be given again. */
  constructor(send: (answer: Answer) => void, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }

  /** True while an answer to the request is under way, whichever view it was given in. */
  underWay(request: ApprovalRequest): boolean {
    return this.#timers.has(keyOf(request));
  }

  /** `always`: this tool is not asked about from now on. */
  give(request: ApprovalRequest, approved: boolean, always: boolean): void {
    if (this.underWay(request)) return;
    const { id, digest } = request;
    const timer = window.setTimeout(() => this.#forget(request), PATIENCE);
    this.#timers.set(keyOf(request), timer);
    this.#send({ id, digest, approved, always });
    this.#changed();
  }

  reset(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #forget(request: ApprovalRequest): void {
    this.#timers.delete(keyOf(request));
    this.#changed();
  }
}

function keyOf({ id, digest }: ApprovalRequest): string {
  return JSON.stringify([id, digest]);
}
