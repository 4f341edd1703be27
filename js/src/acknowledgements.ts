/** Tells the kernel what is on the screen, often enough for it to pace itself and seldom enough to cost nothing. */

const INTERVAL = 500;

export class Acknowledgements {
  readonly #send: (painted: number) => void;
  #painted = 0;
  #acknowledged = 0;
  #timer = 0;

  constructor(send: (painted: number) => void) {
    this.#send = send;
  }

  /** Notes that everything before `painted` is on the screen; the first note goes out at once. */
  note(painted: number): void {
    this.#painted = Math.max(this.#painted, painted);
    if (!this.#timer) this.#acknowledge();
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#painted = this.#acknowledged = 0;
  }

  #acknowledge(): void {
    this.#timer = 0;
    if (this.#painted <= this.#acknowledged) return;
    this.#acknowledged = this.#painted;
    this.#send(this.#painted);
    this.#timer = window.setTimeout(() => this.#acknowledge(), INTERVAL);
  }
}
