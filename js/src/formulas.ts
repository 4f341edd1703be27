/**
 * Formulas in Markdown: found before Markdown rewrites them. The same rules as `core/maths.py`, so that a formula is one
 * on the page if and only if it is one in the saved notebook. How it is shown is not known here.
 */

import type { MarkdownIt, StateBlock, StateInline } from "markdown-it";

export const INLINE = "maths_inline";
export const BLOCK = "maths_block";
/** The beginning of a block that may still be closed; only in a text that grows. */
export const OPEN = "maths_open";

/** Bounds the search for a closing delimiter. */
const REACH = 100_000;
const MOST_LINES = 100;

/** Each stops at the next opener of its kind, so that a page of openers costs no more than its length. */
const INLINES: Readonly<Record<string, RegExp>> = {
  $$: /^\$\$(?:\\.|[^\\$]|\$(?!\$))+\$\$/s,
  "\\(": /^\\\((?:\\[^()]|[^\\])+\\\)/,
  "\\[": /^\\\[(?:\\[^[\]]|[^\\])+\\\]/,
};
/** Pandoc's rule: no space inside the dollars and no digit after them, so "$5 and $10" is money. */
const DOLLARS = /^\$(?![\s$])(?:\\.|[^\\$])*(?<!\s)\$(?!\d)/s;

/** What of one line of a block ends with its closing delimiter. */
const CLOSINGS: Readonly<Record<string, RegExp>> = {
  $$: /^(?:\\.|[^\\$]|\$(?!\$))*\$\$/,
  "\\[": /^(?:\\[^[\]]|[^\\])*\\\]/,
};

/** Teaches `parser` the maths tokens, whose content keeps its delimiters. `env.growing` says that more may come. */
export function install(parser: MarkdownIt): void {
  parser.inline.ruler.before("escape", INLINE, inline);
  parser.block.ruler.before("fence", BLOCK, block, { alt: ["paragraph", "reference", "blockquote", "list"] });
}

/** A formula without its delimiters; `display`: one that stands by itself. */
export function taken(formula: string): { readonly tex: string; readonly display: boolean } {
  const width = formula.startsWith("$") && !formula.startsWith("$$") ? 1 : 2;
  return { tex: formula.slice(width, -width), display: /^(?:\$\$|\\\[)/.test(formula) };
}

/** Where the formula that begins at `start` ends; 0 when none does. */
export function endOfFormula(text: string, start: number, limit = text.length): number {
  const mark = text.charAt(start);
  if (mark !== "$" && mark !== "\\") return 0;
  const pattern = INLINES[text.slice(start, start + 2)] ?? DOLLARS;
  const found = pattern.exec(text.slice(start, Math.min(limit, start + REACH)));
  return found ? start + found[0].length : 0;
}

/** The closing delimiter's end in a line of the block that `opener` begins; -1 when it does not close there. */
export function closes(opener: string, line: string): number {
  return CLOSINGS[opener]?.exec(line)?.[0].length ?? -1;
}

function inline(state: StateInline, silent: boolean): boolean {
  const end = endOfFormula(state.src, state.pos, state.posMax);
  if (!end) return false;
  if (!silent) state.push(INLINE, "", 0).content = state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

function block(state: StateBlock, start: number, last: number, silent: boolean): boolean {
  if (number(state.sCount, start) - state.blkIndent >= 4) return false;
  const found = endOfBlock(state, start, last);
  if (!found) return false;
  if (silent) return true;
  const token = state.push(found.open ? OPEN : BLOCK, "", 0);
  token.content = state.getLines(start, found.end, state.blkIndent, false).trim();
  token.map = [start, found.end];
  state.line = found.end;
  return true;
}

/** The line after the one that closes the formula, if nothing follows there; in a growing text also a half one's end. */
function endOfBlock(state: StateBlock, start: number, last: number): { end: number; open: boolean } | null {
  const opener = lineOf(state, start).slice(0, 2);
  if (!CLOSINGS[opener]) return null;
  const growing = Boolean(state.env["growing"]);
  const lines = state.bMarks.length - 1;
  const end = Math.min(last, start + MOST_LINES);
  for (let at = start; at < end; at += 1) {
    const line = lineOf(state, at).slice(at === start ? 2 : 0);
    const outside = !line || number(state.sCount, at) < state.blkIndent || line.startsWith("\\[");
    if (at > start && outside) return null;
    const closed = closes(opener, line);
    if (closed < 0) continue;
    if (line.slice(closed).trim()) return null;
    // Until its line has ended, words may follow that make it part of a paragraph.
    return { end: at + 1, open: growing && at + 1 === lines && !state.src.endsWith("\n") };
  }
  return growing && end === lines && end < start + MOST_LINES ? { end, open: true } : null;
}

function lineOf(state: StateBlock, at: number): string {
  return state.src.slice(number(state.bMarks, at) + number(state.tShift, at), number(state.eMarks, at));
}

function number(list: readonly number[], at: number): number {
  return list[at] ?? 0;
}
