/** Markdown to blocks: markdown-it's tokens cut at the top level. Nothing here touches the page. */

import MarkdownIt, { type Token } from "markdown-it";
import * as formulas from "./formulas.js";
import { readable } from "./links.js";

export type { Token };

/** Link definitions by label; later parses inherit from earlier ones. */
export type References = Record<string, { title: string; href: string }>;

/** One top-level block: its tokens and the lines `first <= n < end` it stands on. */
export interface Block {
  readonly tokens: readonly Token[];
  readonly first: number;
  readonly end: number;
  /** Nested deeper than the parser goes: what lies below would be lost, so such a block is shown as text. */
  readonly tooDeep: boolean;
  /** More text could still change how what is in it is shown: code without its last line, half a formula. */
  readonly open: boolean;
}

/** A text that more is coming of, or one that is whole. */
export type Stage = "growing" | "whole";

const DEEPEST = 100;

const parser = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: false });
// The parser is stricter than the page about some schemes and laxer about others: `links.ts` alone decides.
parser.validateLink = () => true;
parser.normalizeLink = (address) => address;
parser.normalizeLinkText = readable;
formulas.install(parser);

/** The blocks of `text`; definitions found are added to `references`. */
export function parse(text: string, references: References, stage: Stage = "whole"): Block[] {
  const growing = stage === "growing";
  const found = blocks(parser.parse(text, { references, growing }));
  const last = found.at(-1);
  if (!growing || !last) return found;
  return [...found.slice(0, -1), { ...last, open: last.tokens.some((token) => isOpen(token, last.end)) }];
}

/** True for code whose closing fence has not come, and for the beginning of a formula. */
export function isOpen(token: Token, end: number): boolean {
  if (token.type === formulas.OPEN) return true;
  const [first = 0, last = 0] = token.map ?? [];
  if (token.type !== "fence" || last !== end) return false;
  const lines = token.content.split("\n").length - (token.content.endsWith("\n") || !token.content ? 1 : 0);
  return lines === last - first - 1;
}

function blocks(tokens: readonly Token[]): Block[] {
  const found: Block[] = [];
  let start = 0;
  let deepest = 0;
  tokens.forEach((token, index) => {
    deepest = Math.max(deepest, token.level);
    if (token.level > 0 || token.nesting > 0) return;
    const [first, end] = tokens[start]?.map ?? [0, 0];
    found.push({
      tokens: tokens.slice(start, index + 1),
      first,
      end,
      tooDeep: deepest >= DEEPEST - 2,
      open: false,
    });
    start = index + 1;
    deepest = 0;
  });
  return found;
}
