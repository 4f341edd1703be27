/** The part that colours code. Its entry is the one function below; the colours are the style sheet's business. */

import hljs from "highlight.js/lib/core";
import type { Emitter } from "highlight.js";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import julia from "highlight.js/lib/languages/julia";
import latex from "highlight.js/lib/languages/latex";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { appendText, element } from "./dom.js";

const LANGUAGES = {
  ...{ bash, c, cpp, css, diff, go, java, javascript, json, julia, latex, markdown, python, r, rust, sql },
  ...{ typescript, xml, yaml },
};

/** Characters; longer code stays in one colour, for the grammars may take the square of a line's length. */
const LONGEST = 20_000;
const LONG_LINE = /[^\n]{301}/;

const SCOPE = /^[a-z]+(?:[-_][a-z]+)*/;
/** Spans inside spans; what lies deeper has the colour of what it lies in. */
const DEEPEST = 20;

/** Takes what the grammar says and makes spans of it: no markup is ever written or read. */
class Spans implements Emitter {
  readonly made = document.createDocumentFragment();
  #at: ParentNode = this.made;
  #depth = 0;

  /** Version 11 calls both names for one thing; only the other is in its types. */
  openNode(name: string): void {
    this.startScope(name);
  }

  closeNode(): void {
    this.endScope();
  }

  startScope(name: string): void {
    this.#depth += 1;
    if (this.#depth > DEEPEST) return;
    const span = element("span", `hljs-${SCOPE.exec(name)?.[0] ?? "other"}`);
    this.#at.append(span);
    this.#at = span;
  }

  endScope(): void {
    if (this.#depth <= DEEPEST)
      this.#at = this.#at.parentNode instanceof Element ? this.#at.parentNode : this.made;
    this.#depth -= 1;
  }

  addText(text: string): void {
    if (text) appendText(this.#at, text);
  }

  __addSublanguage(inner: Emitter): void {
    if (inner instanceof Spans) this.#at.append(inner.made);
  }

  finalize(): void {}

  toHTML(): string {
    return "";
  }
}

const highlighter = hljs.newInstance();
highlighter.configure({ __emitter: Spans });
for (const [name, language] of Object.entries(LANGUAGES)) highlighter.registerLanguage(name, language);

/** The code in its colours; null when the language is not known, or the code is too long or cannot be read. */
export default function draw(code: string, language: string): DocumentFragment | null {
  if (!highlighter.getLanguage(language) || code.length > LONGEST || LONG_LINE.test(code)) return null;
  const { _emitter: spans } = highlighter.highlight(code, { language, ignoreIllegals: true });
  return spans instanceof Spans && spans.made.textContent === code ? spans.made : null;
}
