/** Where the next question is written: a box, its files, the names it may mention, and the buttons. */

import { ACCEPTED, Attachments } from "./attachments.js";
import { button, element } from "./dom.js";
import { fit, growingBox, sends } from "./growing_box.js";
import { ModelPicker } from "./model_picker.js";
import { NameList, prefixAt } from "./name_list.js";
import type { Completions, SentFile, Thread } from "./protocol.gen.js";

/** What the composer wants of the view. */
export interface Wishes {
  send(text: string, files: readonly SentFile[]): void;
  stop(): void;
  editLast(): boolean;
  complete(prefix: string): void;
  say(text: string): void;
}

export interface Situation {
  readonly running: boolean;
  readonly stopping: boolean;
  /** A question is on its way and was not heard yet. */
  readonly sending: boolean;
  readonly live: boolean;
}

/** A name is asked for when the writer rests this long. */
const REST = 80;

export class Composer {
  readonly node = element("div", "sc-composer");
  readonly box = growingBox("Message", "sc-box");
  readonly #picker = new ModelPicker();
  readonly #send = button("Send", "sc-send");
  readonly #stop = button("Stop", "sc-stop");
  readonly #attach = button("Attach", "sc-attach");
  readonly #dialog = element("input", "sc-dialog");
  readonly #files: Attachments;
  readonly #names: NameList;
  readonly #wishes: Wishes;
  #situation: Situation = { running: false, stopping: false, sending: false, live: true };
  #offered: Completions | null = null;
  #asking = 0;

  constructor(wishes: Wishes, signal: AbortSignal) {
    this.#wishes = wishes;
    this.#files = new Attachments((refused) => {
      if (refused) wishes.say(refused);
      this.#refresh();
    });
    this.#names = new NameList(this.box, () => this.#changed());
    this.#build();
    this.#listen(signal);
    signal.addEventListener("abort", () => clearTimeout(this.#asking));
  }

  get picked(): string {
    return this.#picker.picked;
  }

  update(thread: Thread, situation: Situation): void {
    this.#situation = situation;
    this.#picker.update(thread);
    this.#refresh();
  }

  /** What the kernel knows of the name that is being written; the same again changes nothing. */
  offer(completions: Completions | null): void {
    if (!completions || completions === this.#offered) return;
    this.#offered = completions;
    const { prefix, names, hints } = completions;
    if (prefixAt(this.box) === prefix && this.box.matches(":focus")) this.#names.show(names, hints);
  }

  /** While another box is written in, this one is out of reach. */
  rest(resting: boolean): void {
    this.node.inert = resting;
    if (resting) this.node.setAttribute("aria-hidden", "true");
    else this.node.removeAttribute("aria-hidden");
  }

  /** Gives a question back that was not asked, before what was written since. */
  giveBack(text: string, files: readonly SentFile[]): void {
    this.box.value = [text, this.box.value].filter(Boolean).join("\n");
    if (files.length > 0) this.#files.replace([...files, ...this.#files.files]);
    this.#changed();
  }

  /** Lets files be dropped, wherever in the view that is. */
  invite(event: DragEvent): void {
    if (!this.#situation.live || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Takes the files that were pasted or dropped; anything else is left to the browser. */
  take(event: Event, brought: DataTransfer | null): void {
    const files = [...(brought?.files ?? [])];
    if (files.length === 0 || !this.#situation.live) return;
    event.preventDefault();
    event.stopPropagation();
    void this.#files.add(files);
  }

  #build(): void {
    this.box.placeholder = "Ask about {name}";
    this.#dialog.type = "file";
    this.#dialog.multiple = true;
    this.#dialog.accept = ACCEPTED;
    this.#dialog.hidden = true;
    const row = element("div", "sc-composer-row");
    row.append(this.#attach, this.#dialog, this.#picker.node, this.#send, this.#stop);
    this.node.append(this.#files.node, this.box, this.#names.node, row);
  }

  #listen(signal: AbortSignal): void {
    const { box } = this;
    box.addEventListener("input", () => this.#changed(), { signal });
    box.addEventListener("keydown", (event) => this.#key(event), { signal });
    box.addEventListener("blur", () => this.#names.close(), { signal });
    box.addEventListener("paste", (event) => this.take(event, event.clipboardData), { signal });
    this.#send.addEventListener("click", () => this.#submit(), { signal });
    this.#stop.addEventListener("click", () => this.#wishes.stop(), { signal });
    this.#attach.addEventListener("click", () => this.#dialog.click(), { signal });
    this.#dialog.addEventListener("change", () => this.#pick(), { signal });
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (this.#names.open && this.#walk(event)) return event.preventDefault();
    if (sends(event)) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.box.value && this.#wishes.editLast()) {
      event.preventDefault();
    }
  }

  /** What the key does to the list of names; false when it is nothing to the list. */
  #walk(event: KeyboardEvent): boolean {
    if (event.shiftKey) return false;
    switch (event.key) {
      case "ArrowDown":
        this.#names.move(1);
        return true;
      case "ArrowUp":
        this.#names.move(-1);
        return true;
      case "Enter":
      case "Tab":
        if (this.#names.choose()) this.#changed();
        return true;
      case "Escape":
        this.#names.close();
        event.stopPropagation();
        return true;
      default:
        return false;
    }
  }

  #changed(): void {
    fit(this.box);
    this.#refresh();
    clearTimeout(this.#asking);
    const prefix = prefixAt(this.box);
    if (prefix === null) return this.#names.close();
    this.#asking = window.setTimeout(() => this.#wishes.complete(prefix), REST);
  }

  #submit(): void {
    const { live, running, sending } = this.#situation;
    const text = this.box.value.trim();
    if (!live || (!text && this.#files.files.length === 0)) return;
    if (running) return this.#wishes.say("Wait for the answer to end, or stop it.");
    if (sending) return this.#wishes.say("The last message is still on its way.");
    const files = this.#files.files;
    this.box.value = "";
    this.#files.replace([]);
    this.#changed();
    this.#wishes.send(text, files);
  }

  #refresh(): void {
    const { live, running, sending, stopping } = this.#situation;
    const empty = !this.box.value.trim() && this.#files.files.length === 0;
    this.box.disabled = this.#attach.disabled = this.#picker.node.disabled = !live;
    this.#send.disabled = !live || sending || empty;
    this.#send.hidden = running;
    this.#stop.hidden = !running;
    this.#stop.disabled = stopping || !live;
  }

  #pick(): void {
    void this.#files.add([...(this.#dialog.files ?? [])]);
    this.#dialog.value = "";
    this.box.focus();
  }
}
