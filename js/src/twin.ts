/**
 * The static twin of a chat: the output right before the widget in the same cell. It is hidden while the live view is
 * there. It is found by where it stands; what is in it is not looked at.
 */

const OUTPUT = ".jp-OutputArea-child";
const HTML = ".jp-RenderedHTML";

export class Twin {
  readonly #view: HTMLElement;
  #hidden: HTMLElement | null = null;

  constructor(view: HTMLElement, signal: AbortSignal) {
    this.#view = view;
    signal.addEventListener("abort", () => this.show());
  }

  /** False where there is no such output. */
  get exists(): boolean {
    return this.#find() !== null;
  }

  /** To be called again after every change: the host may have drawn the output anew. */
  hide(): void {
    const found = this.#find();
    if (found === this.#hidden) return;
    this.show();
    this.#hidden = found;
    found?.style.setProperty("display", "none", "important");
  }

  show(): void {
    this.#hidden?.style.removeProperty("display");
    this.#hidden = null;
  }

  #find(): HTMLElement | null {
    const before = this.#view.closest(OUTPUT)?.previousElementSibling;
    const fits = before instanceof HTMLElement && before.matches(OUTPUT) && before.querySelector(HTML);
    return fits ? before : null;
  }
}
