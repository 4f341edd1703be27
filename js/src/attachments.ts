/** Files that the user pastes, drops or picks to go with the next question: images and texts, shown as chips. */

import { clean } from "./clean.js";
import { button, element } from "./dom.js";
import { size } from "./numbers.js";
import type { SentFile } from "./protocol.gen.js";

const MOST = 20;
/** In all: the notebook server takes no message above 10 MiB, and on the way a file grows by a third. */
const LARGEST = 7 * 1024 * 1024;
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const TEXTS = /^(?:text\/.+|application\/(?:json|xml|sql|toml|yaml|x-yaml|javascript|x-ipynb\+json|x-sh))$/;
/** Browsers name no type for most programs. */
const TEXT_NAMES =
  /\.(?:bib|c|cc|cfg|cpp|csv|go|h|hpp|html?|ini|ipynb|java|jl|js|json|jsonl|log|md|py|r|rs|rst|sh|sql|svg|tex|toml|ts|tsv|txt|xml|ya?ml)$/i;

/** What the page looks at when somebody opens its file dialog. */
export const ACCEPTED = [...IMAGES, "text/*", ".json", ".ipynb", ".toml", ".yaml", ".py", ".md"].join(",");

interface Chosen {
  readonly sent: SentFile;
  readonly size: number;
}

export class Attachments {
  readonly node = element("ul", "sc-files");
  readonly #changed: (refused: string) => void;
  #chosen: readonly Chosen[] = [];

  /** `changed` is told after every change, with one line about a file that was not taken. */
  constructor(changed: (refused: string) => void) {
    this.#changed = changed;
    this.node.setAttribute("aria-label", "Attachments");
    this.#show();
  }

  get files(): readonly SentFile[] {
    return this.#chosen.map(({ sent }) => sent);
  }

  /** Takes the files in, as far as they fit. */
  async add(files: Iterable<File>): Promise<void> {
    let refused = "";
    for (const file of files) {
      const type = typeOf(file);
      const problem = this.#problem(file, type);
      refused ||= problem;
      if (problem) continue;
      const sent = { name: file.name || "pasted image", media_type: type, data: await base64(file) };
      // Others may have come while this one was read.
      if (!this.#problem(file, type)) this.#chosen = [...this.#chosen, { sent, size: file.size }];
    }
    this.#show();
    this.#changed(refused);
  }

  /** Takes them all out: they are sent, or come back from a sending that failed. */
  replace(files: readonly SentFile[]): void {
    this.#chosen = files.map((sent) => ({ sent, size: Math.floor((sent.data.length * 3) / 4) }));
    this.#show();
  }

  #problem(file: File, type: string): string {
    const name = clean(file.name || "the pasted file");
    if (!type)
      return `${name} was not taken: only images (PNG, JPEG, GIF, WebP) and text files go to a model.`;
    if (this.#chosen.length >= MOST) return `${name} was not taken: ${MOST} files are the most.`;
    const all = this.#chosen.reduce((sum, chosen) => sum + chosen.size, file.size);
    return all > LARGEST ? `${name} was not taken: all files together may have ${size(LARGEST)}.` : "";
  }

  #show(): void {
    this.node.hidden = this.#chosen.length === 0;
    this.node.replaceChildren(...this.#chosen.map((chosen) => this.#chip(chosen)));
  }

  #chip(chosen: Chosen): HTMLElement {
    const name = clean(chosen.sent.name);
    const remove = button("×", "sc-remove");
    remove.setAttribute("aria-label", `Remove ${name}`);
    remove.addEventListener("click", () => {
      this.#chosen = this.#chosen.filter((other) => other !== chosen);
      this.#show();
      this.#changed("");
    });
    const chip = element("li", "sc-file");
    chip.append(element("bdi", "", `${name} (${size(chosen.size)})`), remove);
    return chip;
  }
}

/** The type the file goes out with; empty for what no model reads. */
function typeOf({ name, type }: File): string {
  const plain = type.split(";")[0] ?? "";
  if (IMAGES.has(plain) || TEXTS.test(plain)) return plain;
  return TEXT_NAMES.test(name) ? "text/plain" : "";
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).replace(/^[^,]*,/, "")));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}
