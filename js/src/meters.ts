/** The status bar: what the run is doing and how fast. Figures come from the kernel; only the seconds tick here. */

import { drawing, element, setText } from "./dom.js";
import { count, dollars, plural, seconds } from "./numbers.js";
import type { Figures, ViewState } from "./protocol.gen.js";
import { isOver, type Run } from "./state.js";

export const WORDS: Record<ViewState, string> = {
  waiting: "Waiting",
  thinking: "Thinking",
  streaming: "Streaming",
  tool: "Running a tool",
  approval: "Waiting for approval",
  retrying: "Retrying",
  done: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

/** The figures in the order they stand; one that is not known is not there. */
const FIELDS = ["elapsed", "first", "rate", "tokens", "cost", "stalls", "retries"] as const;
type Field = (typeof FIELDS)[number];

const TICK = 100;
const SAMPLES = 40;
const WIDTH = 60;
const HEIGHT = 14;

export class Meters {
  readonly node = element("div", "sc-meters");
  readonly #state = element("span", "sc-state");
  readonly #model = element("span", "sc-model");
  readonly #badge = element("span", "sc-badge", "scripted demo");
  readonly #figures = element("span", "sc-figures");
  readonly #fields = new Map<Field, HTMLElement>(FIELDS.map((name) => [name, element("span", "sc-figure")]));
  readonly #line = drawing("polyline", { fill: "none", points: "" });
  readonly #sparkline = drawing("svg", {
    class: "sc-sparkline",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    "aria-hidden": "true",
  });
  readonly #rates: number[] = [];
  #run = "";
  #seen: Figures | null = null;
  #seenAt = 0;
  #over = false;

  constructor(signal: AbortSignal) {
    this.node.setAttribute("role", "status");
    this.node.setAttribute("aria-label", "Stream status");
    // Only the words are announced; ten changes of a number a second would bury them.
    this.#figures.setAttribute("aria-live", "off");
    this.#sparkline.append(this.#line);
    this.#badge.hidden = true;
    for (const shown of this.#fields.values()) this.#figures.append(shown);
    this.node.append(this.#state, this.#model, this.#badge, this.#figures);
    const ticking = setInterval(() => this.#tick(), TICK);
    signal.addEventListener("abort", () => clearInterval(ticking));
  }

  update(run: Run, word = WORDS[run.state]): void {
    if (run.id !== this.#run) this.#begin(run.id);
    setText(this.#state, word);
    this.node.dataset["state"] = run.state;
    setText(this.#model, run.model);
    this.#badge.hidden = !run.scripted;
    this.#over = isOver(run.state);
    if (run.figures === this.#seen) return;
    this.#seen = run.figures;
    this.#seenAt = performance.now();
    this.#show(run.figures);
  }

  /** Another run draws its own line. */
  #begin(run: string): void {
    this.#run = run;
    this.#rates.length = 0;
    this.#sparkline.remove();
  }

  #show(figures: Figures): void {
    const {
      time_to_first_token: first,
      tokens_per_second: rate,
      tokens,
      chunks,
      cost,
      stalls,
      retries,
    } = figures;
    this.#field("elapsed", seconds(figures.elapsed));
    this.#field("first", first == null ? "" : `first token ${seconds(first)}`);
    this.#field("rate", rate == null ? "" : `${count(rate)} tok/s`);
    this.#field("tokens", amount(tokens, figures.tokens_estimated ?? false, chunks ?? 0));
    this.#field("cost", cost == null ? "" : dollars(cost));
    this.#field("stalls", stalls ? plural(stalls, "stall", "stalls") : "");
    this.#field("retries", retries ? plural(retries, "retry", "retries") : "");
    if (rate != null) this.#sample(rate);
  }

  #field(name: Field, text: string): void {
    const shown = this.#fields.get(name);
    if (shown) setText(shown, text);
  }

  #tick(): void {
    if (this.#over || !this.#seen || document.hidden) return;
    this.#field("elapsed", seconds(this.#seen.elapsed + (performance.now() - this.#seenAt) / 1000));
  }

  #sample(rate: number): void {
    this.#rates.push(rate);
    if (this.#rates.length > SAMPLES) this.#rates.shift();
    if (this.#rates.length < 3) return;
    const highest = Math.max(...this.#rates);
    const points = this.#rates.map((value, index) => {
      const x = (index * WIDTH) / (this.#rates.length - 1);
      const y = HEIGHT - 1 - (value / (highest || 1)) * (HEIGHT - 2);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    this.#line.setAttribute("points", points.join(" "));
    if (!this.#sparkline.isConnected) this.#figures.before(this.#sparkline);
  }
}

function amount(tokens: number | null | undefined, estimated: boolean, chunks: number): string {
  if (tokens != null) return `${estimated ? "~" : ""}${plural(tokens, "token", "tokens")}`;
  return chunks ? plural(chunks, "chunk", "chunks") : "";
}
