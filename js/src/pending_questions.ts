/** Questions on their way to the kernel, shown below the thread until it has them. */

import { element } from "./dom.js";
import { Question } from "./question.js";
import type { Send } from "./protocol.gen.js";
import type { Requests } from "./requests.js";

const SENDING = "Sending…";
const LATE = "The kernel has not answered yet; perhaps it is busy. The message stays here until it does.";

export class PendingQuestions {
  readonly node = element("div", "sc-pending");
  readonly #note = element("p", "sc-note");
  readonly #shown = new Map<string, Question>();

  constructor() {
    this.node.hidden = true;
    this.node.append(this.#note);
  }

  update(requests: Requests): void {
    const sent = requests.pending.filter((request): request is Send => request.type === "send");
    const tokens = new Set(sent.map(({ token }) => token));
    for (const [token, { node }] of this.#shown) {
      if (tokens.has(token)) continue;
      node.remove();
      this.#shown.delete(token);
    }
    for (const request of sent) if (!this.#shown.has(request.token)) this.#add(request);
    this.#note.textContent = requests.late ? LATE : SENDING;
    this.node.hidden = requests.pending.length === 0;
  }

  #add({ token, text, files = [] }: Send): void {
    const question = new Question(null);
    question.update(
      text,
      files.map(({ name, media_type }) => ({ name, media_type })),
    );
    this.#shown.set(token, question);
    this.#note.before(question.node);
  }
}
