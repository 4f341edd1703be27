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

/** What stands on the page when the text comes at once and complete. */
export function drawnWhole(text: string): HTMLElement {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  markdown.append(text);
  markdown.end();
  return root;
}

/** What the page is after every character of `text`. */
export function frames(text: string, seen: (root: HTMLElement) => string): string[] {
  const found: string[] = [];
  drawn(text, (root) => found.push(seen(root)));
  return found;
}

/** Repeatable numbers from 0 to below the number asked with. */
export function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 48271) % 2147483647;
    return state % sides;
  };
}

/** Pieces of random length, the longest that long. */
export function* pieces(text: string, roll: (sides: number) => number, longest = 17): Generator<string> {
  for (let at = 0; at < text.length;) {
    const length = 1 + roll(longest);
    yield text.slice(at, at + length);
    at += length;
  }
}
