/** Pictures in a model's text: those that it brings along are shown, all others wait until the reader asks for them. */

import { clean } from "./clean.js";
import { button, element } from "./dom.js";
import { imageTarget, isInlineImage } from "./links.js";

/** What "Load image" fetches; kept off the page so that no attribute holds it before the reader asks. */
const waiting = new WeakMap<Element, URL>();

/** The picture at this address, or what stands in its place; `linked` inside a link. */
export function picture(address: string, alt: string, linked: boolean): HTMLElement {
  if (!isInlineImage(address)) return placeholder(imageTarget(address), alt, linked);
  const shown = image(alt);
  shown.src = address;
  return shown;
}

/** Fetches the image behind a "Load image" button; anything else is left alone. */
export function loadImage(pressed: Element): void {
  const target = waiting.get(pressed);
  const placeholder = pressed.parentElement;
  if (!target || !placeholder) return;
  const shown = image(placeholder.firstElementChild?.textContent ?? "");
  shown.referrerPolicy = "no-referrer";
  shown.src = target.href;
  placeholder.replaceWith(shown);
}

function image(alt: string): HTMLImageElement {
  const made = element("img", "sc-picture");
  made.alt = alt;
  return made;
}

/** A button inside a link would be two things to press in one place: a linked image only names its host. */
function placeholder(target: URL | null, alt: string, linked: boolean): HTMLElement {
  const shown = element("span", "sc-image");
  const words = [clean(alt), target?.host ?? ""].filter(Boolean).join(" - ");
  shown.append(element("bdi", "", `[image: ${words || "no description"}]`));
  if (!target || linked) return shown;
  const load = button("Load image", "sc-load-image");
  waiting.set(load, target);
  shown.append(load);
  return shown;
}
