/** Puts the style sheet where the view is: once per document or shadow root, and nowhere else. */

import { element } from "./dom.js";
import sheet from "./view.css";

const styled = new WeakSet<Node>();

export function style(view: HTMLElement): void {
  const root = view.getRootNode();
  if (styled.has(root)) return;
  const sheetElement = element("style", "", sheet);
  if (root instanceof Document) root.head.append(sheetElement);
  else if (root instanceof ShadowRoot) root.append(sheetElement);
  else return;
  styled.add(root);
}
