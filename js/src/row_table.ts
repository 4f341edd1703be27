/** Tables of values that only grow. What stands in a cell is text, and only so much of it that a row stays a row. */

import { clean } from "./clean.js";
import { element, setText } from "./dom.js";
import { plural } from "./numbers.js";
import type { Json } from "./protocol.gen.js";

/** More than this makes a page slow; the whole is in the variable. */
const ROWS = 500;
const COLUMNS = 50;
const CHARACTERS = 200;

/** A list, an object a row. Columns are the union of the objects' keys, in the order they came. */
export class RowTable {
  readonly node = element("div", "sc-rows");
  readonly #columns = new Map<string, number>();
  readonly #head = element("tr");
  readonly #body = element("tbody");
  readonly #counter = element("p", "sc-note");
  #count = 0;

  constructor(name: string) {
    const table = element("table");
    const head = element("thead");
    head.append(this.#head);
    table.append(head, this.#body);
    if (name) table.setAttribute("aria-label", clean(name));
    this.node.append(scroller(table), this.#counter);
  }

  add(value: Json): void {
    this.#count += 1;
    const fields = isObject(value) ? Object.entries(value) : [["value", value] as const];
    const cells: HTMLElement[] = [];
    for (const [name, field] of fields) {
      const column = this.#column(name, field);
      if (column < COLUMNS) cells[column] = cell("td", field);
    }
    if (this.#count <= ROWS) this.#body.append(row(Array.from(cells, (known) => known ?? element("td"))));
    setText(this.#counter, this.#counted());
  }

  #column(name: string, first: Json): number {
    const known = this.#columns.get(name) ?? this.#columns.size;
    if (known < this.#columns.size) return known;
    this.#columns.set(name, known);
    if (known < COLUMNS) this.#head.append(header(name, typeof first === "number"));
    return known;
  }

  #counted(): string {
    const rows = this.#count - ROWS;
    const columns = this.#columns.size - COLUMNS;
    const more = [
      ...(rows > 0 ? [plural(rows, "row", "rows")] : []),
      ...(columns > 0 ? [plural(columns, "column", "columns")] : []),
    ];
    const counted = plural(this.#count, "row", "rows");
    return more.length > 0 ? `${counted}; not shown but in the variable: ${more.join(" and ")}` : counted;
  }
}

/** One object, a field a row: long values read better beside their names than under them. */
export class FieldTable {
  readonly node: HTMLElement;
  readonly #body = element("tbody");

  constructor() {
    const table = element("table");
    table.append(this.#body);
    this.node = scroller(table);
    this.node.classList.add("sc-fields");
  }

  add(name: string, value: Json): void {
    const heading = cell("th", name);
    heading.scope = "row";
    this.#body.append(row([heading, cell("td", value)]));
  }
}

function header(name: string, right: boolean): HTMLElement {
  const made = cell("th", name);
  made.scope = "col";
  if (right) made.className = "sc-right";
  return made;
}

function cell<Name extends "td" | "th">(kind: Name, value: Json): HTMLElementTagNameMap[Name] {
  const text = typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
  const made = element(kind, typeof value === "number" ? "sc-right" : "");
  const whole = text.length <= CHARACTERS;
  made.textContent = clean(whole ? text : text.slice(0, CHARACTERS)) + (whole ? "" : "…");
  if (!whole) made.title = clean(text);
  return made;
}

function row(cells: readonly Node[]): HTMLElement {
  const made = element("tr");
  made.append(...cells);
  return made;
}

function scroller(table: HTMLElement): HTMLElement {
  const made = element("div", "sc-table");
  made.tabIndex = 0;
  made.append(table);
  return made;
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
