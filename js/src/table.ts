/** JSON that grows, as tables: a list of objects row by row, one object field by field. */

import { Cleaner } from "./clean.js";
import { FieldTable, RowTable } from "./row_table.js";
import { Rows, type Found } from "./rows.js";
import { CodeBlock } from "./verbatim.js";

export class Table {
  readonly #root: HTMLElement;
  readonly #cleaner = new Cleaner();
  readonly #rows = new Rows();
  readonly #lists = new Map<string, RowTable>();
  #fields: FieldTable | null = null;
  #text = "";
  #fresh = "";
  /** The whole text instead, once it turned out to be no such JSON. */
  #code: CodeBlock | null = null;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  append(piece: string): void {
    this.#fresh += this.#cleaner.feed(piece);
  }

  draw(): void {
    const fresh = this.#fresh;
    this.#fresh = "";
    if (!fresh) return;
    this.#text += fresh;
    if (!this.#code) this.#read(fresh);
    else this.#code.append(fresh);
    this.#code?.draw();
  }

  end(): void {
    this.#fresh += this.#cleaner.end();
    this.draw();
    const { left } = this.#rows;
    if (!this.#code && left.trim()) this.#showCode(left);
    this.#code?.end();
  }

  #read(fresh: string): void {
    try {
      for (const found of this.#rows.feed(fresh)) this.#add(found);
    } catch {
      this.#root.replaceChildren();
      this.#showCode(this.#text);
    }
  }

  #showCode(text: string): void {
    this.#code = new CodeBlock(this.#root, "");
    this.#code.append(text);
    this.#code.draw();
  }

  #add(found: Found): void {
    switch (found.kind) {
      case "row":
        return this.#listOf(found.list).add(found.value);
      case "field":
        this.#fields ??= this.#shown(new FieldTable());
        return this.#fields.add(found.name, found.value);
    }
  }

  #listOf(name: string): RowTable {
    const known = this.#lists.get(name) ?? this.#shown(new RowTable(name));
    this.#lists.set(name, known);
    return known;
  }

  #shown<Kind extends { readonly node: HTMLElement }>(made: Kind): Kind {
    this.#root.append(made.node);
    return made;
  }
}
