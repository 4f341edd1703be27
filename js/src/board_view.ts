/** One view of the dashboard: totals in words, three charts, the table of runs. */

import type { BoardLine } from "./board_line.js";
import { BoardTable } from "./board_table.js";
import { ColumnChart } from "./column_chart.js";
import sheet from "./dashboard.css";
import { button, element, focused, setText } from "./dom.js";
import { Frames } from "./frames.js";
import { count, dollars, plural, seconds } from "./numbers.js";
import type { Board, Spread } from "./protocol.gen.js";
import { isOver } from "./state.js";
import { style } from "./styles.js";
import { Twin } from "./twin.js";

export class BoardView {
  readonly node = element("section", "sc-view sc-board");
  readonly #line: BoardLine;
  readonly #frames: Frames;
  readonly #twin: Twin;
  readonly #counts = element("div", "sc-board-counts");
  readonly #totals = element("div", "sc-board-totals");
  readonly #stopAll = button("Stop all", "sc-stop");
  readonly #rates = new ColumnChart("Tokens per second");
  readonly #first = new ColumnChart("Time to first token");
  readonly #gaps = new ColumnChart("Gaps between pieces");
  readonly #table: BoardTable;
  readonly #more = element("p", "sc-note");

  constructor(line: BoardLine, signal: AbortSignal) {
    this.#line = line;
    this.#table = new BoardTable(line);
    this.#frames = new Frames(() => this.draw(), signal);
    this.#twin = new Twin(this.node, signal);
    this.#build();
    this.#stopAll.addEventListener("click", () => this.#stopEach(), { signal });
    line.watch(() => this.#frames.request(), signal);
  }

  draw(): void {
    const { board, live, wasLive } = this.#line;
    style(this.node, sheet);
    if (wasLive) this.#twin.hide();
    setText(this.#counts, counted(board));
    setText(this.#totals, totalled(board));
    const running = board.running ?? 0;
    this.node.setAttribute("aria-busy", String(running > 0));
    const many = live && running > 1;
    if (!many && focused(this.#stopAll)) this.node.focus();
    this.#stopAll.hidden = !many;
    this.#rates.update(board.rates ?? [], rated(board));
    this.#first.update(...spread(board.first));
    this.#gaps.update(...spread(board.gaps));
    this.#table.update(board.runs ?? []);
    this.#more.hidden = !board.more;
    setText(this.#more, `and ${plural(board.more ?? 0, "older one", "older ones")}`);
  }

  #build(): void {
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "streamcell");
    this.node.tabIndex = -1;
    // JupyterLab's single-key shortcuts would otherwise take Enter and Escape from the buttons.
    this.node.dataset["lmSuppressShortcuts"] = "true";
    this.#counts.setAttribute("role", "status");
    this.#counts.setAttribute("aria-label", "Stream status");
    const [top, charts] = [element("div", "sc-board-top"), element("div", "sc-charts")];
    top.append(this.#counts, this.#totals, this.#stopAll);
    charts.append(this.#rates.node, this.#first.node, this.#gaps.node);
    this.node.append(top, charts, this.#table.node, this.#more);
  }

  #stopEach(): void {
    for (const run of this.#line.board.runs ?? []) if (!isOver(run.state)) this.#line.stop(run);
  }
}

function counted({ running, done, stopped, failed }: Board): string {
  const kinds = Object.entries({ running, done, stopped, failed });
  const said = kinds.filter(([, number]) => number).map(([kind, number]) => `${count(number ?? 0)} ${kind}`);
  return said.join(", ") || "No stream has run yet";
}

function totalled({ tokens = 0, cost }: Board): string {
  const spent = cost == null ? "" : `${dollars(cost)} so far`;
  return [tokens ? plural(tokens, "token", "tokens") : "", spent].filter(Boolean).join(" · ");
}

function rated({ rates = [], seconds: covered = 0, running }: Board): string {
  const now = running ? `${count(rates.at(-1) ?? 0)} now, ` : "";
  return `${now}at most ${count(Math.max(...rates, 0))}, over ${seconds(covered)}`;
}

function spread({ bins = [], p50, p95 }: Spread = {}): [readonly number[], string] {
  const [least, most] = [bins[0]?.upto ?? 0, bins.at(-1)?.upto ?? 0];
  const half = p50 == null ? "" : `half within ${seconds(p50)}, `;
  const nearly = p95 == null ? "" : `95 % within ${seconds(p95)}; `;
  const ends = least === most ? `up to ${seconds(most)}` : `columns ≤ ${seconds(least)} … ≤ ${seconds(most)}`;
  return [bins.map((bin) => bin.count), `${half}${nearly}${ends}`];
}
