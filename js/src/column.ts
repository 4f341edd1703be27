/**
 * The blocks of one text, one under the other. A browser lays out a parent by visiting all its children, so after the
 * first few the blocks stand in sections: growing costs the same in a long answer as in a short one.
 */

import { element } from "./dom.js";

const SECTION = 64;

export class Column {
  readonly #root: HTMLElement;
  readonly #sections: HTMLElement[] = [];
  #count = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** The blocks in order. */
  get blocks(): Element[] {
    const direct = [...this.#root.children].slice(0, SECTION);
    return [...direct, ...this.#sections.flatMap((section) => [...section.children])];
  }

  /** Puts a block, and the end of its line, under the last. */
  append(block: Element): void {
    const section = Math.floor(this.#count / SECTION) - 1;
    this.#parent(section).append(block, "\n");
    this.#count += 1;
  }

  /** Takes the last block away. */
  removeLast(): void {
    this.#count -= 1;
    const section = Math.floor(this.#count / SECTION) - 1;
    const parent = this.#parent(section);
    parent.lastChild?.remove();
    parent.lastChild?.remove();
    if (section >= 0 && !parent.firstChild) this.#sections.pop()?.remove();
  }

  #parent(section: number): HTMLElement {
    const known = section < 0 ? this.#root : this.#sections[section];
    if (known) return known;
    const added = element("div", "sc-section");
    this.#sections.push(added);
    this.#root.append(added);
    return added;
  }
}
