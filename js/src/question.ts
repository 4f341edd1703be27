/** A message of the user's: its text as it was written, the files that went with it, and what can be done with it. */

import { clean } from "./clean.js";
import { button, copy, element, setText } from "./dom.js";
import { fit, growingBox, sends } from "./growing_box.js";
import { size } from "./numbers.js";
import type { Attached } from "./protocol.gen.js";
import { sureButton } from "./sure_button.js";

/** What the reader may do; a question that is only under way can do none of it. */
export interface QuestionDeeds {
  save(text: string): void;
  remove(): void;
  /** Writing begins and ends. */
  editing(begun: boolean): void;
}

export class Question {
  readonly node = element("article", "sc-question");
  readonly #text = element("div", "sc-question-text");
  readonly #files = element("ul", "sc-files");
  readonly #actions = element("div", "sc-actions");
  readonly #edit = button("Edit", "sc-edit");
  readonly #delete = sureButton("Delete", "Delete this and all below?", () => this.#deeds?.remove());
  readonly #deeds: QuestionDeeds | null;
  #question = "";
  #editor: HTMLElement | null = null;

  constructor(deeds: QuestionDeeds | null) {
    this.#deeds = deeds;
    this.node.setAttribute("aria-label", "User message");
    this.#text.dir = "auto";
    this.#files.setAttribute("aria-label", "Attachments");
    this.#files.hidden = true;
    const copying = button("Copy", "sc-copy");
    copying.addEventListener("click", () => void copy(this.#question, copying));
    this.#actions.append(copying);
    this.#edit.addEventListener("click", () => this.edit());
    if (deeds) this.#actions.append(this.#edit, this.#delete);
    this.node.append(this.#text, this.#files, this.#actions);
  }

  update(question: string, attached: readonly Attached[]): void {
    this.#question = question;
    setText(this.#text, clean(question));
    const lines = attached.map((file) => clean(`${file.name}${file.size ? ` (${size(file.size)})` : ""}`));
    if (lines.join("\n") === [...this.#files.children].map((item) => item.textContent).join("\n")) return;
    this.#files.replaceChildren(...lines.map((line) => element("li", "sc-file", line)));
    this.#files.hidden = lines.length === 0;
  }

  /** Whether the question may be changed now. */
  allow(changes: boolean): void {
    this.#edit.disabled = !changes;
    this.#delete.disabled = !changes;
  }

  /** Lets the user write the question anew, in its place, beginning with `text`. */
  edit(text = this.#question): void {
    const deeds = this.#deeds;
    if (!deeds || this.#editor || this.#edit.disabled) return;
    const box = growingBox("Message", "sc-box");
    box.value = text;
    this.#editor = this.#editorOf(box, () => {
      if (!box.value.trim()) return;
      this.close();
      if (box.value !== this.#question) deeds.save(box.value);
    });
    this.#text.hidden = this.#actions.hidden = true;
    this.#text.after(this.#editor);
    deeds.editing(true);
    fit(box);
    box.focus();
  }

  /** Ends the writing, if there is any. */
  close(): void {
    if (!this.#editor) return;
    this.#editor.remove();
    this.#editor = null;
    this.#text.hidden = this.#actions.hidden = false;
    this.#deeds?.editing(false);
    this.#edit.focus();
  }

  #editorOf(box: HTMLTextAreaElement, save: () => void): HTMLElement {
    const saving = button("Send", "sc-send");
    const cancelling = button("Cancel", "sc-cancel");
    box.addEventListener("input", () => fit(box));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && !sends(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      else save();
    });
    saving.addEventListener("click", save);
    cancelling.addEventListener("click", () => this.close());
    const row = element("div", "sc-actions");
    row.append(saving, cancelling);
    const editor = element("div", "sc-editor");
    editor.append(box, row);
    return editor;
  }
}
