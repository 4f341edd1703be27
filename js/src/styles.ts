/** Puts the style sheet where the view is: once per document or shadow root, and nowhere else. */

import { element } from "./dom.js";
import sheet from "./view.css";

const styled = new WeakSet<Node>();

/** `more` is the sheet of a widget that has one of its own. */
export function style(view: HTMLElement, more = ""): void {
  const root = view.getRootNode();
  if (styled.has(root)) return;
  const sheetElement = element("style", "", sheet + more);
  if (root instanceof Document) root.head.append(sheetElement);
  else if (root instanceof ShadowRoot) root.append(sheetElement);
  else return;
  styled.add(root);
}
