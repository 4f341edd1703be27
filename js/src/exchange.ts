/** One turn of the thread: the question and its answer. The node stays the same for as long as the turn has its id. */

import { Answer } from "./answer.js";
import { element } from "./dom.js";
import type { ChatTurn } from "./protocol.gen.js";
import { Question } from "./question.js";
import { newToken } from "./requests.js";
import type { Surroundings } from "./surroundings.js";

export class Exchange {
  readonly node = element("div", "sc-exchange");
  readonly #id: number;
  readonly #around: Surroundings;
  readonly #question: Question;
  #answer: Answer;
  #opened = false;

  constructor(turn: ChatTurn, around: Surroundings) {
    this.#id = turn.id;
    this.#around = around;
    this.#question = new Question({
      save: (text) => this.#save(text),
      remove: () => around.line.send({ type: "delete", turn: this.#id }),
      editing: (begun) => around.editing(begun),
    });
    this.#answer = this.#answerOf(turn);
    this.node.append(this.#question.node, this.#answer.node);
    this.update(turn);
  }

  update(turn: ChatTurn): void {
    this.#question.update(turn.question, turn.attached ?? []);
    this.#question.allow(this.#around.free);
    if (this.#answer.run === (turn.run ?? "")) return this.#answer.update(turn);
    const former = this.#answer;
    this.#answer = this.#answerOf(turn);
    former.close();
    former.node.replaceWith(this.#answer.node);
    if (this.#opened) this.#answer.open();
  }

  /** Gets the answer, now and whenever the turn has another. */
  open(): void {
    this.#opened = true;
    this.#answer.open();
  }

  edit(): void {
    this.#question.edit();
  }

  /** Takes the turn off the page. */
  close(): void {
    this.#question.close();
    this.#answer.close();
    this.node.remove();
  }

  #answerOf(turn: ChatTurn): Answer {
    const { line } = this.#around;
    const id = this.#id;
    return new Answer(turn, this.#around, {
      regenerate: () =>
        line.ask({ type: "regenerate", token: newToken(), turn: id, model: this.#around.picked }),
      resume: () => line.ask({ type: "resume", token: newToken(), turn: id }),
      switchTo: (branch) => line.send({ type: "switch", turn: id, branch }),
      keep: (name) => line.send({ type: "keep", turn: id, name }),
    });
  }

  #save(text: string): void {
    const again = (): void => this.#question.edit(text);
    this.#around.line.ask({ type: "edit", token: newToken(), turn: this.#id, text }, again);
  }
}
