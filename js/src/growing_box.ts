/** A box to write in that is as high as its text, and sends on Enter; a line break is Shift and Enter. */

import { element } from "./dom.js";

const HIGHEST = 320;

export function growingBox(name: string, className: string): HTMLTextAreaElement {
  const box = element("textarea", className);
  box.setAttribute("aria-label", name);
  box.rows = 1;
  box.dir = "auto";
  return box;
}

/** To be called after every change of the text. */
export function fit(box: HTMLTextAreaElement): void {
  box.style.height = "auto";
  const borders = box.offsetHeight - box.clientHeight;
  if (box.scrollHeight > 0) box.style.height = `${Math.min(box.scrollHeight + borders, HIGHEST)}px`;
}

/** True for the Enter that sends, and not for the one that ends a composition of an input method. */
export function sends(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}
