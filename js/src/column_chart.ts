/** A small chart of columns with a line of words below; a reader who does not see it is told the words. */

import { drawing, element, setText } from "./dom.js";

const WIDTH = 160;
const HEIGHT = 40;

export class ColumnChart {
  readonly node = element("figure", "sc-chart");
  readonly #columns = drawing("path", { class: "sc-columns" });
  readonly #words = element("figcaption", "sc-chart-words");
  #drawn = "";

  constructor(name: string) {
    const picture = drawing("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    const ground = drawing("path", { class: "sc-chart-ground", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` });
    picture.append(this.#columns, ground);
    this.node.append(element("div", "sc-chart-name", name), picture, this.#words);
  }

  /** Draws `values` beside each other, the largest as high as the chart. */
  update(values: readonly number[], words: string): void {
    this.node.hidden = values.length === 0;
    setText(this.#words, words);
    const path = columns(values);
    if (path === this.#drawn) return;
    this.#drawn = path;
    this.#columns.setAttribute("d", path);
  }
}

function columns(values: readonly number[]): string {
  const highest = Math.max(...values, 0) || 1;
  // A few columns stay slim.
  const pitch = Math.min(WIDTH / Math.max(values.length, 1), 16);
  return values
    .map((value, index) => {
      const height = value > 0 ? Math.max((value / highest) * (HEIGHT - 2), 1.5) : 0;
      const [left, top] = [(index * pitch).toFixed(1), (HEIGHT - height).toFixed(1)];
      return height ? `M${left} ${top}h${(pitch * 0.85).toFixed(2)}V${HEIGHT}H${left}z` : "";
    })
    .join("");
}
