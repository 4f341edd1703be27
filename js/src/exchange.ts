/** One turn of the thread: the question and its answer, whichever version of them is shown. */

import { Answer } from "./answer.js";
import { element } from "./dom.js";
import type { ChatTurn } from "./protocol.gen.js";
import { Question } from "./question.js";
import { newToken, type Request } from "./requests.js";
import type { Surroundings } from "./surroundings.js";

export class Exchange {
  readonly node = element("div", "sc-exchange");
  readonly #around: Surroundings;
  readonly #question: Question;
  readonly #answer: Answer;
  #id: number;

  constructor(turn: ChatTurn, around: Surroundings) {
    this.#id = turn.id;
    this.#around = around;
    this.#question = this.#newQuestion();
    this.#answer = this.#newAnswer(turn);
    this.node.append(this.#question.node, this.#answer.node);
    this.update(turn);
  }

  update(turn: ChatTurn): void {
    if (turn.id !== this.#id) this.#question.close();
    this.#id = turn.id;
    this.#question.update(turn.question, turn.attached ?? []);
    this.#question.allow(this.#around.free);
    this.#answer.update(turn);
  }

  /** Gets the answer, now and whenever the turn has another. */
  open(): void {
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

  #newQuestion(): Question {
    return new Question({
      save: (text) => this.#save(text),
      remove: () => this.#around.line.send({ type: "delete", turn: this.#id }),
      editing: (begun) => this.#around.editing(begun),
    });
  }

  #newAnswer(turn: ChatTurn): Answer {
    const { line } = this.#around;
    return new Answer(turn, this.#around, {
      regenerate: () => this.#regenerate(),
      resume: () => this.#ask({ type: "resume", token: newToken(), turn: this.#id }),
      switchTo: (branch) => line.send({ type: "switch", turn: this.#id, branch }),
      keep: (name) => line.send({ type: "keep", turn: this.#id, name }),
    });
  }

  #regenerate(): void {
    this.#ask({ type: "regenerate", token: newToken(), turn: this.#id, model: this.#around.picked });
  }

  /** Of two presses in a row the second finds the first under way. */
  #ask(request: Request): void {
    if (this.#around.free) this.#around.line.ask(request);
  }

  /** A wording that the kernel refuses is given back to be mended. */
  #save(text: string): void {
    const again = (): void => this.#question.edit(text);
    this.#around.line.ask({ type: "edit", token: newToken(), turn: this.#id, text }, again);
  }
}
