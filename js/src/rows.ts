/**
 * Rows out of JSON that is still coming. Every character is looked at once: brackets and strings tell where a row, or a
 * field of the one object, ends; only then is that much parsed. Nothing here touches the page.
 */

import type { Json } from "./protocol.gen.js";

/** A row of the list of that name, or a field of the object that the whole text is; a bare list has no name. */
export type Found =
  | { readonly kind: "row"; readonly list: string; readonly value: Json }
  | { readonly kind: "field"; readonly name: string; readonly value: Json };

/** How the text may begin: with the bracket, or with a code fence and then the bracket. */
const HEAD = /^\s*(?:(?:`{3,}|~{3,}).*\n\s*)?([[{])/;
const HALF_HEAD = /^\s*(?:`{0,2}|~{0,2}|(?:`{3,}|~{3,}).*(?:\n\s*)?)$/;
const CLOSING_FENCE = /^\s*(?:`{3,}|~{3,})?/;

export class Rows {
  #begun = false;
  #ended = false;
  /** The text is one object: what stands in it are fields, and lists of rows. */
  #fields = false;
  /** The list whose rows are being read; null among the fields. */
  #list: string | null = "";
  /** The row or field that is not complete yet. */
  #open = "";
  #depth = 0;
  #quoted = false;
  #escaped = false;
  /** The last bracket, comma or other mark that is no space. */
  #last = "";

  /** What is complete now, in order. Throws when the text cannot be read. */
  feed(text: string): Found[] {
    const found: Found[] = [];
    let start = 0;
    const rest = this.#begun ? text : this.#begin(text);
    const take = (end: number, next: number): void => {
      this.#open += rest.slice(start, end);
      start = next;
      this.#complete(found);
    };
    for (let at = 0; at < rest.length && !this.#ended; at += 1) {
      const mark = rest.charAt(at);
      if (this.#inString(mark)) continue;
      if (mark === "[" || mark === "{") {
        if (mark === "{" && this.#beginsList()) {
          this.#open += rest.slice(start, at);
          start = at;
          this.#enterList();
        }
        this.#depth += 1;
      } else if (mark === "]" || mark === "}") {
        this.#depth -= 1;
        if (this.#depth === 0) take(at + 1, at + 1);
        if (this.#depth < 0) {
          take(at, at + 1);
          this.#leave();
        }
      } else if (mark === "," && this.#depth === 0) {
        take(at, at + 1);
      }
      if (mark.trim()) this.#last = mark;
    }
    this.#open += rest.slice(start);
    return found;
  }

  /** What was read as neither row nor field: the torn end, or words after the closing bracket. */
  get left(): string {
    return this.#ended ? this.#open.replace(CLOSING_FENCE, "") : this.#open;
  }

  #begin(text: string): string {
    this.#open += text;
    const head = HEAD.exec(this.#open);
    if (!head && !HALF_HEAD.test(this.#open)) throw new SyntaxError("neither a list nor an object");
    if (!head) return "";
    const rest = this.#open.slice(head[0].length);
    this.#begun = true;
    this.#open = "";
    this.#fields = head[1] === "{";
    if (this.#fields) this.#list = null;
    return rest;
  }

  #inString(mark: string): boolean {
    const inside = this.#quoted;
    if (mark === '"' && !this.#escaped) this.#quoted = !inside;
    this.#escaped = inside && mark === "\\" && !this.#escaped;
    if (mark === '"') this.#last = mark;
    return inside;
  }

  /** True at the first object of a list that is itself a field's value. */
  #beginsList(): boolean {
    return this.#list === null && this.#depth === 1 && this.#last === "[";
  }

  #enterList(): void {
    [this.#list = ""] = Object.keys(parsedObject(`${this.#open}]`));
    this.#open = "";
    this.#depth = 0;
  }

  #leave(): void {
    this.#depth = 0;
    if (this.#fields && this.#list !== null) this.#list = null;
    else this.#ended = true;
  }

  #complete(found: Found[]): void {
    const text = this.#open;
    this.#open = "";
    if (!text.trim()) return;
    if (this.#list !== null) {
      found.push({ kind: "row", list: this.#list, value: JSON.parse(text, exactly) });
      return;
    }
    for (const [name, value] of Object.entries(parsedObject(text)))
      found.push({ kind: "field", name, value });
  }
}

function parsedObject(members: string): Readonly<Record<string, Json>> {
  return JSON.parse(`{${members}}`, exactly);
}

/** A number that JavaScript would round stays as it is written, where the browser tells how. */
function exactly(_key: string, value: Json, context?: { readonly source?: string }): Json {
  const rounded = typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return rounded ? (context?.source ?? value) : value;
}
