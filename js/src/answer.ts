/** An answer of a chat: drawn once somebody comes near it, from a channel that all views of it share. */

import { Actions, type AnswerDeeds } from "./actions.js";
import type { Channel } from "./channel.js";
import { button, element, focused } from "./dom.js";
import type { ChatTurn } from "./protocol.gen.js";
import { isOver, newRun } from "./state.js";
import type { Drawn, Surroundings } from "./surroundings.js";
import { Turn } from "./turn.js";

const UNASKED = "This was not answered.";
const MISSING = "Part of this answer did not reach the page.";
const ELSEWHERE = "This answer is not on this page.";

export class Answer implements Drawn {
  readonly node = element("div", "sc-answer-place");
  readonly #around: Surroundings;
  readonly #actions: Actions;
  readonly #note = element("p", "sc-note");
  #alive = new AbortController();
  #turn: ChatTurn;
  #opened = false;
  #channel: Channel | null = null;
  #drawing: Turn | null = null;
  #shown = newRun("");
  #complete = false;

  constructor(turn: ChatTurn, around: Surroundings, deeds: AnswerDeeds) {
    this.#turn = turn;
    this.#around = around;
    this.#actions = new Actions(deeds);
    this.#await(turn);
    this.draw();
  }

  /** Another version of the turn may have another run. */
  update(turn: ChatTurn): void {
    this.#turn = turn;
    if (this.#shown.id !== (turn.run ?? "")) this.#await(turn);
    this.draw();
  }

  /** Gets the answer from the kernel, if it is not here. */
  open(): void {
    this.#opened = true;
    this.#connect();
    this.draw();
  }

  close(): void {
    this.#alive.abort();
  }

  draw(): void {
    const channel = this.#channel;
    if (channel && (!this.#drawing || channel.run !== this.#shown)) this.#begin(channel);
    const run = this.#shown;
    this.#drawing?.update(run);
    this.#drawing?.node.setAttribute("aria-busy", String(this.#around.line.live && !isOver(run.state)));
    this.#actions.update(this.#turn, run, this.#around.free);
    this.#note.textContent = this.#remark(channel);
    this.#note.hidden = !this.#note.textContent;
    if (channel && run.next > 0) channel.painted(run.next);
    if (run.finished && isOver(run.state) && !this.#complete) this.#finish();
  }

  #remark(channel: Channel | null): string {
    if (!this.#shown.id) return UNASKED;
    if (channel?.incomplete) return MISSING;
    return this.#shown.next === 0 && !this.#around.line.live ? ELSEWHERE : "";
  }

  /** An answer that nobody has come near yet. */
  #await(turn: ChatTurn): void {
    this.#alive.abort();
    this.#alive = new AbortController();
    this.#channel = this.#drawing = null;
    this.#shown = newRun(turn.run ?? "");
    const empty = element("article", "sc-turn");
    empty.setAttribute("aria-label", "Assistant message");
    this.#stand(empty);
    if (this.#opened) this.#connect();
  }

  #connect(): void {
    if (this.#channel || !this.#turn.run) return;
    this.#channel = this.#around.line.channel(this.#turn);
    this.#channel.watch(() => this.#around.redraw(this), this.#alive.signal);
  }

  /** Another run, or the same one told again from its beginning. */
  #begin(channel: Channel): void {
    this.#shown = channel.run;
    this.#complete = false;
    this.#drawing = new Turn(channel.decisions);
    this.#stand(this.#drawing.node);
  }

  #stand(article: HTMLElement): void {
    const held = focused(this.#actions.node);
    article.append(this.#note, this.#actions.node);
    this.node.replaceChildren(article);
    held?.focus();
  }

  #finish(): void {
    this.#complete = true;
    for (const bar of this.node.querySelectorAll(".sc-program-bar")) {
      bar.lastElementChild?.before(button("To new cell", "sc-to-cell"));
    }
  }
}
