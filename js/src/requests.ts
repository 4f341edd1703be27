/**
 * What was asked of the kernel and has not been seen in the thread yet. A message that may have been lost is sent again
 * under its token, so that it is done once however often it comes.
 */

import type { Edit, Regenerate, Resume, Send, Thread } from "./protocol.gen.js";

export type Request = Send | Edit | Regenerate | Resume;

const FIRST_PATIENCE = 2000;
const LONGEST_PATIENCE = 16_000;
/** A kernel that is busy with a cell has them all in its queue by then. */
const TRIES = 8;

interface Pending {
  readonly request: Request;
  readonly giveBack: () => void;
  readonly before: string;
  tries: number;
  timer: number;
}

export class Requests {
  readonly #send: (request: Request) => void;
  readonly #changed: () => void;
  readonly #pending = new Map<string, Pending>();

  constructor(send: (request: Request) => void, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }

  /** Those under way, in the order they were asked. */
  get pending(): readonly Request[] {
    return [...this.#pending.values()].map(({ request }) => request);
  }

  /** True when something was asked and not answered in good time. */
  get late(): boolean {
    return [...this.#pending.values()].some(({ tries }) => tries > 1);
  }

  /** `giveBack` is called if the kernel refuses, or is gone. */
  ask(request: Request, thread: Thread, giveBack: () => void = () => {}): void {
    const pending: Pending = { request, giveBack, before: shape(thread), tries: 0, timer: 0 };
    this.#pending.set(request.token, pending);
    this.#try(pending);
    this.#changed();
  }

  /** Forgets what the thread shows as done. */
  settle(thread: Thread): void {
    const done = new Set(thread.turns.map(({ token }) => token));
    const named = thread.turns.some(({ token }) => token);
    const now = shape(thread);
    for (const [token, { before }] of this.#pending) {
      if (done.has(token) || (!named && before !== now)) this.#drop(token);
    }
  }

  /** The kernel will not do it. Without a token it is the last thing that was asked. */
  refuse(token: string): void {
    const refused = token || [...this.#pending.keys()].at(-1);
    if (refused) this.#drop(refused)?.giveBack();
  }

  /** There is no kernel any more. */
  abandon(): void {
    for (const token of [...this.#pending.keys()]) this.#drop(token)?.giveBack();
  }

  reset(): void {
    for (const token of [...this.#pending.keys()]) this.#drop(token);
  }

  #try(pending: Pending): void {
    pending.tries += 1;
    this.#send(pending.request);
    // It may be done or refused by now.
    if (pending.tries >= TRIES || !this.#pending.has(pending.request.token)) return;
    const patience = Math.min(FIRST_PATIENCE * 2 ** (pending.tries - 1), LONGEST_PATIENCE);
    pending.timer = window.setTimeout(() => {
      this.#try(pending);
      this.#changed();
    }, patience);
  }

  #drop(token: string): Pending | undefined {
    const dropped = this.#pending.get(token);
    clearTimeout(dropped?.timer);
    this.#pending.delete(token);
    return dropped;
  }
}

/** A name for one request. */
export function newToken(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("");
}

/** What of a thread changes when something that was asked is done. */
function shape({ turns }: Thread): string {
  return JSON.stringify(
    turns.map(({ id, run, branch, branches, continues }) => [id, run, branch, branches, continues]),
  );
}
