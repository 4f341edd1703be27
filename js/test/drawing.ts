import { Markdown } from "../src/markdown.js";

/** What stands on the page after the pieces; `onFrame` sees it after each of them. */
export function drawn(pieces: Iterable<string>, onFrame?: (root: HTMLElement) => void): HTMLElement {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  for (const piece of pieces) {
    markdown.append(piece);
    markdown.draw();
    onFrame?.(root);
  }
  markdown.end();
  return root;
}

/** What the page is after every character of `text`. */
export function frames(text: string, seen: (root: HTMLElement) => string): string[] {
  const found: string[] = [];
  drawn(text, (root) => found.push(seen(root)));
  return found;
}
