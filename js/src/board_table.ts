/** The table of runs. A row is made once and then kept in line, so that a button that has the focus stays. */

import type { BoardLine } from "./board_line.js";
import { button, element, focused, setText } from "./dom.js";
import { WORDS } from "./meters.js";
import { count, dollars, seconds } from "./numbers.js";
import type { BoardRun } from "./protocol.gen.js";
import { isOver } from "./state.js";

const UNKNOWN = "—";
const NUMBERS = ["First token", "Tokens/s", "Tokens", "Time", "Cost"] as const;

interface Row {
  readonly node: HTMLTableRowElement;
  readonly state: HTMLElement;
  readonly name: HTMLTableCellElement;
  readonly numbers: readonly HTMLElement[];
  readonly stop: HTMLButtonElement;
  run: BoardRun;
}

export class BoardTable {
  /** Can be scrolled with the keyboard where it is too wide. */
  readonly node = element("div", "sc-board-table");
  readonly #body = element("tbody");
  readonly #rows = new Map<string, Row>();
  readonly #line: BoardLine;
  readonly #prefix = `sc-${Math.random().toString(36).slice(2)}`;

  constructor(line: BoardLine) {
    this.#line = line;
    const table = element("table");
    table.append(element("caption", "sc-offscreen", "Streams, the newest first"), head(), this.#body);
    this.node.append(table);
    this.node.tabIndex = 0;
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Streams");
  }

  update(runs: readonly BoardRun[]): void {
    this.node.hidden = runs.length === 0;
    const left = new Set(this.#rows.keys());
    let place = this.#body.firstElementChild;
    for (const run of runs) {
      left.delete(run.run);
      const known = this.#rows.get(run.run);
      const row = known ?? this.#add(run);
      this.#fill(row, run);
      // The order never changes, so what is there already need not move.
      if (!known) this.#body.insertBefore(row.node, place);
      else place = row.node.nextElementSibling;
    }
    for (const run of left) {
      this.#rows.get(run)?.node.remove();
      this.#rows.delete(run);
    }
  }

  #add(run: BoardRun): Row {
    const row: Row = {
      node: element("tr"),
      state: element("span", "sc-state"),
      name: element("th"),
      numbers: NUMBERS.map(() => element("td", "sc-number")),
      stop: button("Stop", "sc-stop"),
      run,
    };
    row.name.scope = "row";
    row.name.id = `${this.#prefix}-${run.run}`;
    row.stop.setAttribute("aria-describedby", row.name.id);
    row.stop.addEventListener("click", () => this.#line.stop(row.run));
    const [state, last] = [element("td", "sc-meters"), element("td", "sc-board-stop")];
    state.append(row.state);
    last.append(row.stop);
    row.node.append(state, row.name, ...row.numbers, last);
    this.#rows.set(run.run, row);
    return row;
  }

  #fill(row: Row, run: BoardRun): void {
    row.run = run;
    const over = isOver(run.state);
    const stopping = !over && this.#line.isStopping(run.run);
    setText(row.state, stopping ? "Stopping" : (WORDS[run.state] ?? run.state));
    const state = row.state.parentElement;
    if (state) state.dataset["state"] = run.state;
    setText(row.name, named(run));
    figures(run).forEach((text, index) => {
      const cell = row.numbers[index];
      if (cell) setText(cell, text);
    });
    if (over && focused(row.stop)) this.node.focus();
    row.stop.hidden = over || !this.#line.live;
    row.stop.disabled = stopping;
  }
}

function head(): HTMLTableSectionElement {
  const [made, row] = [element("thead"), element("tr")];
  for (const name of ["State", "Model", ...NUMBERS]) {
    const cell = element("th", NUMBERS.some((number) => number === name) ? "sc-number" : "", name);
    cell.scope = "col";
    row.append(cell);
  }
  row.append(element("td"));
  made.append(row);
  return made;
}

function named({ model, scripted, replayed }: BoardRun): string {
  const marks = [scripted ? "scripted demo" : "", replayed ? "replayed" : ""].filter(Boolean).join(", ");
  return `${model || "unknown model"}${marks ? ` (${marks})` : ""}`;
}

function figures({ figures }: BoardRun): readonly string[] {
  const about = figures.tokens_estimated ? "~" : "";
  const { time_to_first_token: first, tokens_per_second: rate, tokens, cost } = figures;
  return [
    first == null ? UNKNOWN : seconds(first),
    rate == null ? UNKNOWN : about + count(rate),
    tokens == null ? UNKNOWN : about + count(tokens),
    seconds(figures.elapsed),
    cost == null ? UNKNOWN : dollars(cost),
  ];
}
