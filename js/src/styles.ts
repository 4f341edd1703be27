/** Puts the style sheets where the view is: once per document or shadow root, and nowhere else. */

import { element } from "./dom.js";
import sheet from "./view.css";

const styled = new WeakMap<Node, Set<string>>();

/** `more` is the sheet of a widget that has one of its own. */
export function style(view: HTMLElement, more = ""): void {
  const root = view.getRootNode();
  const place = root instanceof Document ? root.head : root instanceof ShadowRoot ? root : null;
  if (!place) return;
  const known = styled.get(root) ?? new Set();
  styled.set(root, known);
  for (const each of more ? [sheet, more] : [sheet]) {
    if (known.has(each)) continue;
    known.add(each);
    place.append(element("style", "", each));
  }
}
