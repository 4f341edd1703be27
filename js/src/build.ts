/**
 * Tokens to DOM, by an allow list: an element or attribute that is not made here does not exist. No markup, class,
 * style, id or name of the model's ever reaches the page; raw HTML is shown as the text it is.
 */

import { clean, reorders } from "./clean.js";
import { Adornments } from "./adornments.js";
import { appendCode } from "./code_text.js";
import { appendText, button, element } from "./dom.js";
import * as formulas from "./formulas.js";
import { picture } from "./images.js";
import { destination, linkTarget, shows } from "./links.js";
import { isOpen, type Block, type Token } from "./parser.js";

/** The element of one block; `source` is what is shown when the block cannot be drawn. */
export function buildBlock(block: Block, source: string, adornments: Adornments): HTMLElement {
  if (block.tooDeep) return plain(source);
  const root = element("div");
  new Builder(root, block, adornments).draw();
  const made = root.firstElementChild;
  return made instanceof HTMLElement ? made : plain(source);
}

/** Text that is not read as Markdown at all. */
export function plain(source: string): HTMLElement {
  return element("p", "sc-plain", clean(source));
}

class Builder {
  readonly #drawn: Block;
  readonly #adornments: Adornments;
  #at: HTMLElement;
  #links: { anchor: HTMLElement; target: URL | null }[] = [];

  constructor(root: HTMLElement, block: Block, adornments: Adornments) {
    this.#at = root;
    this.#drawn = block;
    this.#adornments = adornments;
  }

  draw(): void {
    for (const token of this.#drawn.tokens) this.#block(token);
  }

  #block(token: Token): void {
    switch (token.type) {
      case "heading_open":
        return this.#enter(element(heading(token.tag)));
      case "paragraph_open":
        return token.hidden ? undefined : this.#enter(element("p"));
      case "paragraph_close":
        return token.hidden ? appendText(this.#at, "\n") : this.#leaveBlock();
      case "bullet_list_open":
        return this.#enter(element("ul"));
      case "ordered_list_open":
        return this.#enter(ordered(token));
      case "list_item_open":
        return this.#enter(element("li"));
      case "blockquote_open":
        return this.#enter(element("blockquote"));
      case "table_open":
        this.#enter(scroller());
        return this.#enter(element("table"));
      case "table_close":
        this.#leave();
        return this.#leaveBlock();
      case "thead_open":
        return this.#enter(element("thead"));
      case "tbody_open":
        return this.#enter(element("tbody"));
      case "tr_open":
        return this.#enter(element("tr"));
      case "th_open":
        return this.#enter(element("th", alignment(token)));
      case "td_open":
        return this.#enter(element("td", alignment(token)));
      case "hr":
        this.#at.append(element("hr"), "\n");
        return;
      case "fence":
      case "code_block":
        return this.#program(token);
      case formulas.BLOCK:
        this.#formula("p", token.content);
        return appendText(this.#at, "\n");
      case formulas.OPEN:
        this.#at.append(element("p", "sc-half-formula", token.content), "\n");
        return;
      case "inline":
        return this.#inlines(token.children ?? []);
      default:
        if (token.nesting < 0) return this.#leaveBlock();
        return this.#text(token.content);
    }
  }

  #inlines(tokens: readonly Token[]): void {
    tokens.forEach((token, index) => this.#inline(token, index === 0));
  }

  #inline(token: Token, first: boolean): void {
    switch (token.type) {
      case "text":
        return this.#text(first ? this.#boxed(token.content) : token.content);
      case "softbreak":
        return appendText(this.#at, "\n");
      case "hardbreak":
        this.#at.append(element("br"));
        return appendText(this.#at, "\n");
      case "code_inline":
        return this.#code(token.content);
      case formulas.INLINE:
        return this.#formula("span", token.content);
      case "em_open":
        return this.#enter(element("em"));
      case "strong_open":
        return this.#enter(element("strong"));
      case "s_open":
        return this.#enter(element("del"));
      case "em_close":
      case "strong_close":
      case "s_close":
        return this.#leave();
      case "link_open":
        return this.#link(attribute(token, "href"));
      case "link_close":
        return this.#linkEnd();
      case "image":
        return this.#image(attribute(token, "src"), flat(token.children ?? []));
      default:
        return this.#text(token.content);
    }
  }

  #enter(child: HTMLElement): void {
    this.#at.append(child);
    this.#at = child;
  }

  #leave(): void {
    this.#at = this.#at.parentElement ?? this.#at;
  }

  /** Blocks end their line, so that the text of the page reads as lines too. */
  #leaveBlock(): void {
    this.#leave();
    appendText(this.#at, "\n");
  }

  #text(content: string): void {
    const text = clean(content);
    if (!text) return;
    if (reorders(text)) this.#at.append(element("bdi", "", text));
    else appendText(this.#at, text);
  }

  #boxed(content: string): string {
    const item = this.#at.tagName === "LI" || this.#at.parentElement?.tagName === "LI";
    if (!item || this.#at.textContent) return content;
    return content.replace(/^\[ \](?= )/, "☐").replace(/^\[[xX]\](?= )/, "☑");
  }

  #code(content: string): void {
    const code = element("code");
    appendCode(code, content);
    this.#at.append(code);
  }

  #program(token: Token): void {
    const language = LANGUAGE.exec(token.info)?.[0] ?? "";
    const shown = program(language, token.content);
    const code = shown.querySelector("code");
    const whole = !this.#drawn.open || !isOpen(token, this.#drawn.end);
    if (code && whole) this.#adornments.colour(code, language);
    this.#at.append(shown, "\n");
  }

  /** In a link, whose words are compared with where it goes, a formula stays as it was written. */
  #formula(name: "span" | "p", source: string): void {
    if (this.#links.length > 0) return this.#text(source);
    if (reorders(source)) this.#at.append(element("bdi", "", source));
    else this.#at.append(this.#adornments.formula(name, source));
  }

  #link(address: string): void {
    const target = linkTarget(address);
    const anchor = target ? link(target) : element("span", "sc-dead-link");
    this.#links.push({ anchor, target });
    this.#enter(anchor);
  }

  #linkEnd(): void {
    const opened = this.#links.pop();
    this.#leave();
    if (opened?.target && !shows(opened.anchor.textContent ?? "", opened.target)) {
      this.#at.append(element("bdi", "sc-host", ` (${clean(destination(opened.target))})`));
    }
  }

  #image(address: string, alt: string): void {
    this.#at.append(picture(address, alt, this.#links.length > 0));
  }
}

function heading(tag: string): "h1" | "h2" | "h3" | "h4" | "h5" | "h6" {
  switch (tag) {
    case "h1":
    case "h2":
    case "h3":
    case "h4":
    case "h5":
      return tag;
    default:
      return "h6";
  }
}

function ordered(token: Token): HTMLOListElement {
  const list = element("ol");
  const start = Number(attribute(token, "start") || 1);
  if (start !== 1) list.start = start;
  return list;
}

function alignment(token: Token): string {
  const style = attribute(token, "style");
  return style.endsWith("center") ? "sc-center" : style.endsWith("right") ? "sc-right" : "";
}

function link(target: URL): HTMLAnchorElement {
  const anchor = element("a");
  anchor.href = target.href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  anchor.referrerPolicy = "no-referrer";
  return anchor;
}

const LANGUAGE = /^[\w+#.-]{1,30}/;

/** A block of code under a bar with its language and the button that copies it. */
export function program(language: string, text: string): HTMLElement {
  const shown = element("div", "sc-program");
  const bar = element("div", "sc-program-bar");
  bar.append(element("span", "", language), button("Copy code", "sc-copy-code"));
  const body = element("pre");
  const code = element("code");
  body.dir = "ltr";
  body.tabIndex = 0;
  appendCode(code, text);
  body.append(code);
  shown.append(bar, body);
  return shown;
}

function attribute(token: Token, name: string): string {
  return token.attrs?.find(([key]) => key === name)?.[1]?.toString() ?? "";
}

function flat(tokens: readonly Token[]): string {
  return tokens
    .map((token) =>
      token.children ? flat(token.children) : token.type.endsWith("break") ? " " : token.content,
    )
    .join("");
}

/** What is in it may be wider than the page: then it scrolls, by the keyboard, too. */
function scroller(): HTMLElement {
  const made = element("div", "sc-table");
  made.tabIndex = 0;
  return made;
}
