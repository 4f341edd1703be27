/**
 * When to draw: at once if the last drawing is a frame or more ago, else when the next one is due, the sooner the cheaper
 * drawing is. Drawing at once puts a token into the page half a frame earlier than waiting for the next frame does.
 */

const SHORTEST = 1000 / 60;
const LONGEST = 1000 / 8;
/** Drawing may take this share of the time, so that the page stays at hand. */
const SHARE = 1 / 4;

export class Frames {
  readonly #draw: () => void;
  readonly #now: () => number;
  #frame = 0;
  #timer = 0;
  #earliest = 0;

  constructor(draw: () => void, signal: AbortSignal, now: () => number = () => performance.now()) {
    this.#draw = draw;
    this.#now = now;
    signal.addEventListener("abort", () => this.cancel());
  }

  /** Asks for one drawing, soon; asking again before it came changes nothing. */
  request(): void {
    if (this.#frame || this.#timer) return;
    const wait = this.#earliest - this.#now();
    if (wait <= 0 && !document.hidden) this.#onFrame();
    else if (wait > SHORTEST) this.#timer = window.setTimeout(() => this.#onTimer(), wait);
    else this.#frame = requestAnimationFrame(() => this.#onFrame());
  }

  cancel(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
  }

  #onTimer(): void {
    this.#timer = 0;
    this.#frame = requestAnimationFrame(() => this.#onFrame());
  }

  #onFrame(): void {
    this.#frame = 0;
    const started = this.#now();
    this.#draw();
    const cost = this.#now() - started;
    this.#earliest = started + Math.max(SHORTEST, Math.min(cost / SHARE, Math.max(LONGEST, 2 * cost)));
  }
}
