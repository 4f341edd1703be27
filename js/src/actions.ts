/** What can be done with an answer, always in reach below it. */

import { button, copy, element, focused, setText } from "./dom.js";
import type { ChatTurn } from "./protocol.gen.js";
import { isOver, type Run } from "./state.js";
import { Turn } from "./turn.js";
import { VariableName } from "./variable_name.js";

export interface AnswerDeeds {
  regenerate(): void;
  resume(): void;
  switchTo(branch: number): void;
  keep(name: string): void;
}

export class Actions {
  readonly node = element("div", "sc-actions");
  readonly #copy = button("Copy", "sc-copy");
  readonly #regenerate = button("Regenerate", "sc-regenerate");
  readonly #retry = button("Retry", "sc-retry");
  readonly #resume = button("Continue", "sc-continue");
  readonly #variable: VariableName;
  readonly #previous = button("‹", "sc-previous");
  readonly #next = button("›", "sc-next");
  readonly #place = element("span", "sc-place");
  readonly #branches = element("span", "sc-branches");
  readonly #model = element("span", "sc-model");
  #run: Run | null = null;
  #branch = 0;

  constructor(deeds: AnswerDeeds) {
    this.#variable = new VariableName((name) => deeds.keep(name));
    this.#previous.setAttribute("aria-label", "Previous version");
    this.#next.setAttribute("aria-label", "Next version");
    this.#branches.setAttribute("role", "group");
    this.#branches.setAttribute("aria-label", "Versions");
    this.#branches.append(this.#previous, this.#place, this.#next);
    this.#copy.addEventListener("click", () => {
      if (this.#run) void copy(Turn.markdown(this.#run), this.#copy);
    });
    for (const asking of [this.#regenerate, this.#retry]) {
      asking.addEventListener("click", () => deeds.regenerate());
    }
    this.#resume.addEventListener("click", () => deeds.resume());
    this.#previous.addEventListener("click", () => deeds.switchTo(this.#branch - 1));
    this.#next.addEventListener("click", () => deeds.switchTo(this.#branch + 1));
    const parts = [this.#branches, this.#copy, this.#resume, this.#retry, this.#regenerate];
    this.node.append(...parts, this.#variable.node, this.#model);
  }

  /** `free` is false while something else is answered, or nobody would hear. */
  update(turn: ChatTurn, run: Run, free: boolean): void {
    const { branch = 0, branches = 1, continues = false, state = "waiting" } = turn;
    const over = !turn.run || isOver(run.state) || isOver(state);
    const failed = run.state === "failed" || state === "failed";
    this.#run = run;
    this.#branch = branch;
    this.#copy.hidden = run.characters === 0;
    this.#variable.node.hidden = !over || run.characters === 0;
    this.#resume.hidden = !over || !continues;
    this.#retry.hidden = !over || !failed;
    this.#regenerate.hidden = !over || failed;
    this.#branches.hidden = branches < 2;
    setText(this.#place, `${branch + 1} of ${branches}`);
    setText(this.#model, run.model || (turn.model ?? ""));
    for (const asking of [this.#resume, this.#retry, this.#regenerate]) asking.disabled = !free;
    this.#variable.allow(free);
    this.#allowSwitching(free && branch > 0, free && branch + 1 < branches);
  }

  /** At the last version the focus turns back, for a button that is disabled loses it. */
  #allowSwitching(back: boolean, forth: boolean): void {
    const held = focused(this.#branches);
    this.#previous.disabled = !back;
    this.#next.disabled = !forth;
    if (held === this.#previous && !back && forth) this.#next.focus();
    if (held === this.#next && !forth && back) this.#previous.focus();
  }
}
