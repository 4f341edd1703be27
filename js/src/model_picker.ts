/** Which model answers next: the conversation's own until the reader picks another. */

import { clean } from "./clean.js";
import { element } from "./dom.js";
import type { Thread } from "./protocol.gen.js";

export class ModelPicker {
  readonly node = element("select", "sc-picker");
  #offered = "";

  constructor() {
    this.node.setAttribute("aria-label", "Model");
    this.node.hidden = true;
  }

  /** The model picked; empty where none is offered. */
  get picked(): string {
    return this.node.hidden ? "" : this.node.value;
  }

  update({ model, models = [] }: Thread): void {
    this.node.hidden = models.length === 0;
    const offered = JSON.stringify([model, models]);
    if (offered === this.#offered) return;
    this.#offered = offered;
    const all = models.includes(model) || !model ? models : [model, ...models];
    this.node.replaceChildren(...all.map(option));
    if (model) this.node.value = model;
  }
}

function option(model: string): HTMLOptionElement {
  const made = element("option", "", clean(model));
  made.value = model;
  return made;
}
