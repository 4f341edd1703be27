/** One answer: thinking, text, tool calls and notices in the order they came, then its sources and its end. */

import { clean } from "./clean.js";
import type { Decisions } from "./decisions.js";
import { element, setText } from "./dom.js";
import { destination, linkTarget, shows } from "./links.js";
import { writer, type Writer } from "./formats.js";
import type { Citation, Finished, Format } from "./protocol.gen.js";
import { isOver, type Item, type NoticeItem, type Retry, type Run, type TextItem } from "./state.js";
import { ToolCard } from "./tool.js";

/** A piece of the answer on the page; `finish` is called once nothing more can come. */
interface Piece {
  readonly node: HTMLElement;
  update(run: Run): void;
  finish(): void;
}

export class Turn {
  readonly node = element("article", "sc-turn");
  readonly #body = element("div", "sc-body");
  readonly #foot = element("div", "sc-foot");
  readonly #pieces: Piece[] = [];
  readonly #decisions: Decisions;
  #finished = 0;
  #cited = 0;
  #line = "";

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
    this.node.setAttribute("aria-label", "Assistant message");
    this.node.append(this.#body, this.#foot);
  }

  /** Draws what the run has got since the last call. */
  update(run: Run): void {
    const over = isOver(run.state) && run.finished !== null;
    const last = run.items.length - 1;
    run.items.forEach((item, index) => this.#updateItem(run, item, index, over || index < last));
    this.#updateFoot(run);
  }

  /** The answer as Markdown, without thinking and tools. */
  static markdown(run: Run): string {
    return run.items.map((item) => (item.kind === "text" ? item.pieces.join("") : "")).join("");
  }

  #updateItem(run: Run, item: Item, index: number, complete: boolean): void {
    let piece = this.#pieces[index];
    if (!piece) {
      piece = pieceOf(item, run.format, this.#decisions);
      this.#pieces.push(piece);
      this.#body.append(piece.node);
    }
    // A finished text never grows; a tool's result still comes.
    if (index < this.#finished && item.kind !== "tool") return;
    piece.update(run);
    if (complete && index >= this.#finished) {
      piece.finish();
      this.#finished = index + 1;
    }
  }

  #updateFoot(run: Run): void {
    const line = run.retry ? retryLine(run.retry) : run.finished ? endLine(run.finished) : "";
    if (run.citations.length === this.#cited && this.#line === line) return;
    this.#cited = run.citations.length;
    this.#line = line;
    this.#foot.replaceChildren();
    if (run.citations.length > 0) this.#foot.append(sources(run.citations));
    if (line) this.#foot.append(element("p", run.finished?.error ? "sc-error" : "sc-note", line));
  }
}

function pieceOf(item: Item, format: Format, decisions: Decisions): Piece {
  switch (item.kind) {
    case "text":
      return new Text(item, format);
    case "thinking":
      return new Thinking(item);
    case "tool":
      return new ToolCard(item, decisions);
    case "notice":
      return new Note(item);
  }
}

class Text implements Piece {
  readonly node = element("div", "sc-text");
  readonly #item: TextItem;
  readonly #writer: Writer;
  #taken = 0;

  constructor(item: TextItem, format: Format) {
    this.#item = item;
    this.#writer = writer(format, this.node);
  }

  update(): void {
    for (; this.#taken < this.#item.pieces.length; this.#taken += 1) {
      this.#writer.append(this.#item.pieces[this.#taken] ?? "");
    }
    this.#writer.draw();
  }

  finish(): void {
    this.#writer.end();
  }
}

/** The model's visible thinking: open while it thinks, folded when the answer begins. */
class Thinking implements Piece {
  readonly node = element("details", "sc-thinking");
  readonly #text: Text;

  constructor(item: TextItem) {
    this.#text = new Text(item, "markdown");
    this.node.open = true;
    this.node.append(element("summary", "", "Thinking"), this.#text.node);
  }

  update(): void {
    this.#text.update();
  }

  finish(): void {
    this.#text.finish();
    this.node.open = false;
  }
}

class Note implements Piece {
  readonly node: HTMLElement;
  readonly #item: NoticeItem;

  constructor(item: NoticeItem) {
    this.#item = item;
    this.node = element("p", item.notice === "refusal" ? "sc-refusal" : "sc-note");
  }

  update(): void {
    setText(this.node, clean(this.#item.text));
  }

  finish(): void {
    this.update();
  }
}

function sources(citations: readonly Citation[]): HTMLElement {
  const list = element("ol", "sc-sources");
  list.setAttribute("aria-label", "Sources");
  for (const citation of citations) list.append(source(citation));
  return list;
}

function source({ url, title, quote }: Citation): HTMLElement {
  const shown = element("li");
  const target = linkTarget(url ?? "");
  const name = clean(title || url || "Untitled source");
  if (target) {
    const anchor = element("a", "", name);
    anchor.href = target.href;
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    anchor.referrerPolicy = "no-referrer";
    shown.append(anchor);
    if (!shows(name, target)) shown.append(element("bdi", "sc-host", ` (${clean(destination(target))})`));
  } else {
    shown.append(element("bdi", "", name));
  }
  if (quote) shown.append(element("q", "", clean(quote)));
  return shown;
}

function retryLine({ attempt, delay, error }: Retry): string {
  return `Attempt ${attempt} failed (${clean(error.message)}); trying again in ${delay.toFixed(1)} s.`;
}

/** What the reader has to know about the end; nothing when it ended as it should. */
function endLine({ reason, error }: Finished): string {
  switch (reason) {
    case "stop":
    case "tool_calls":
    case "refusal":
      return "";
    case "length":
      return "The answer reached its length limit and is not complete.";
    case "filter":
      return "The provider's content filter ended the answer.";
    case "cancelled":
      return "Stopped.";
    case "truncated":
    case "error":
      return clean(error?.message ?? "The stream broke; what had come is shown.");
    case "unknown":
      return "The provider did not say why the answer ended.";
  }
}
