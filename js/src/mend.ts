/**
 * Half-arrived Markdown, made whole for one frame: `**bo` is shown as bold already, a table from its first row on, a
 * marker only once it is clear what it marks. Nothing here outlives the frame; the end of a text is never mended.
 */

import { closes, endOfFormula } from "./formulas.js";
import remend from "remend";

/** A last line that may still become anything: markers only, or a number that may start a list. */
const UNDECIDED = /^(?:[-*_+=#>|:`~ \t]+|[ \t>]*\d{1,9}[.)]?)$/;

/** Half a marker at the very end: half a `**`, an opening bracket, half an entity. */
const HALF = /(?:\*+|_+|~+|`+|!?\[|\\|&#?\w{0,8})$/;
/** No marker is longer; a search over more than this costs its square on a run of one character. */
const HALF_LENGTH = 32;

/** A line that begins a piece of its own: markers of the lines before it cannot reach into it. */
const FRESH_LINE = /\n(?=[ \t]*(?:\n|[-*+] |\d{1,9}[.)] |#{1,6} |>|\|))/g;

const FENCE = /^(?:[ \t>]|[-*+] |\d{1,9}[.)] )*(`{3,}|~{3,})/;

/** A line that begins a formula of its own. */
const FORMULA = /^(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*(\$\$|\\\[)/;
const OPENER = /^(?:\$\$|\\[([])/;
const PROSE = /\*\*|`|\]\(|[.!?] /;
const LONGEST_HALF = 300;
const RUN = 1000;
/** Stands for half a formula while what is before it is mended. */
const HOLD = "\ue000";

/** Half a link: on the last line, its words not begun with a space, its address without one but before a title. */
const HALF_LINK = /^\[[^\s\]][^\n]*$/;
const HALF_ADDRESS = /^\]\((?:<[^\n>]*|[^\s<][^\s]*(?:[ \t]+(?:["'(][^\n]*)?)?)?$/;
const LINE_START = /(?:^|\n)(?:[ \t>]|[-*+] |\d{1,9}[.)] )*$/;
/** At the start of a line these would begin a block, were the bracket before them taken away. */
const BLOCK_MARKER = /^\[(?:[#>|]|[-+*](?:\s|$)|\d+[.)]|[-=*_ \t]+$|`{3}|~{3})/;
/** Stand for brackets of which no link will come. */
const BRACKETS: Readonly<Record<string, string>> = { "[": "\ue001", "]": "\ue002" };
const HELD_BRACKETS: Readonly<Record<string, string>> = { "\ue001": "[", "\ue002": "]" };

const REMEND = {
  comparisonOperators: false,
  htmlTags: false,
  katex: false,
  linkMode: "text-only",
  setextHeadings: false,
  singleTilde: false,
} as const;

export function mend(text: string): string {
  if (insideFence(text)) return withoutHalfFence(text);
  const begin = startOfMendable(text);
  if (begin < 0) return text;
  const decided = withoutUndecidedLine(text);
  const table = withDelimiterRow(decided);
  if (table !== decided) return table;
  const at = Math.max(begin, startOfLeaf(decided));
  const leaf = decided.slice(at);
  if (!leaf.trim() || /^(?: {4}|\t)/.test(leaf)) return decided;
  return decided.slice(0, at) + mendInline(leaf);
}

function mendInline(leaf: string): string {
  const formula = startOfHalfFormula(leaf);
  const before = leaf.slice(0, formula);
  if (formula >= 0 && !before.includes(HOLD)) {
    return mendMarkers(before + HOLD).replace(HOLD, () => literal(leaf.slice(formula)));
  }
  const end = Math.max(0, leaf.length - HALF_LENGTH);
  return mendMarkers(leaf.slice(0, end) + leaf.slice(end).replace(HALF, ""));
}

/** Half a link loses its bracket and its address: what only looks like one must not, least of all for long. */
function mendMarkers(leaf: string): string {
  if (/[\ue001\ue002]/.test(leaf)) return leaf;
  const held = new Set(falseBrackets(leaf));
  const masked = leaf.replace(/[[\]]/g, (found, at) => (held.has(at) ? (BRACKETS[found] ?? found) : found));
  return remend(masked, REMEND).replace(/[\ue001\ue002]/g, (found) => HELD_BRACKETS[found] ?? found);
}

function* falseBrackets(leaf: string): Generator<number> {
  const opened: number[] = [];
  const lastAddress = leaf.lastIndexOf(")");
  for (const { index, 0: found } of leaf.matchAll(/[[\]]/g)) {
    if (found === "[") {
      opened.push(index);
      continue;
    }
    const opening = opened.pop() ?? index;
    const isOpen = leaf.charAt(index + 1) === "(" && index > lastAddress;
    if (isOpen && !isHalf(leaf, index, HALF_ADDRESS)) yield* [opening, index];
  }
  for (const index of opened) {
    if (!isHalf(leaf, index, HALF_LINK) || startsBlock(leaf, index)) yield index;
  }
}

function isHalf(leaf: string, at: number, pattern: RegExp): boolean {
  return leaf.length - at <= LONGEST_HALF && pattern.test(leaf.slice(at));
}

function startsBlock(leaf: string, at: number): boolean {
  return BLOCK_MARKER.test(leaf.slice(at)) && LINE_START.test(leaf.slice(0, at));
}

function insideFence(text: string): boolean {
  let open = "";
  for (const line of text.split("\n")) {
    const marker = FENCE.exec(line)?.[1];
    if (!marker) continue;
    if (!open) open = marker;
    else if (marker.startsWith(open) && line.trimEnd().endsWith(marker)) open = "";
  }
  return open !== "";
}

function withoutHalfFence(text: string): string {
  return withoutLastLine(text, /^[ \t>]*[`~]+[ \t]*$/);
}

function withoutUndecidedLine(text: string): string {
  return withoutLastLine(text, UNDECIDED);
}

function withoutLastLine(text: string, pattern: RegExp): string {
  const at = text.lastIndexOf("\n") + 1;
  return pattern.test(text.slice(at)) ? text.slice(0, at) : text;
}

/** A table shows from its first row: the row of dashes below it is supplied until it has arrived itself. */
function withDelimiterRow(text: string): string {
  const lines = text.split("\n");
  const last = lines.at(-1) ?? "";
  const row = last ? last : (lines.at(-2) ?? "");
  const before = lines.at(last ? -2 : -3) ?? "";
  if (!/^ {0,3}\|[^|]*[^|\s]/.test(row) || /^ {0,3}\|/.test(before)) return text;
  const cells = row
    .trim()
    .replace(/\\\|/g, "")
    .replace(/^\||\|$/g, "")
    .split("|").length;
  const header = last ? (row.trimEnd().endsWith("|") ? row : `${row} |`) : row;
  const rest = lines.slice(0, last ? -1 : -2);
  return [...rest, header, `|${" --- |".repeat(cells)}`].join("\n");
}

function startOfLeaf(text: string): number {
  let at = 0;
  for (const match of text.matchAll(FRESH_LINE)) at = match.index + 1;
  const cell = text.slice(at).startsWith("|") ? text.lastIndexOf("|") + 1 : at;
  return Math.max(at, cell);
}

/**
 * Where the text after the last code or formula of its own begins; -1 while such a formula may still be closed: what ends
 * it must not be mended, for it tells where blocks begin.
 */
function startOfMendable(text: string): number {
  if (!/\$\$|\\\[|`{3}|~{3}/.test(text)) return 0;
  let opener = "";
  let begin = 0;
  for (let at = 0, next = 0; next <= text.length; at = next) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end);
    next = end < 0 ? text.length + 1 : end + 1;
    if (end >= 0 && /^[ \t>]*$/.test(line)) opener = "";
    const begun = FORMULA.exec(line);
    const [, found = ""] = begun && (!opener || begun[1] === "\\[") ? begun : [];
    opener ||= found;
    if (FENCE.test(line)) {
      opener = "";
      begin = next;
    } else if (opener) {
      const rest = found ? line.slice(begun?.[0].length) : line;
      const closed = closes(found || opener, rest);
      opener = found || opener;
      if (closed < 0) continue;
      // What follows on the line makes a paragraph of it, whose line may begin a formula of its own.
      if (rest.slice(closed).trim()) opener = found ? "" : (FORMULA.exec(line)?.[1] ?? "");
      // The line of the closing delimiter may go on.
      else if (end >= 0) {
        opener = "";
        begin = next;
      }
    }
  }
  return opener ? -1 : Math.min(begin, text.length);
}

/** Where a formula begins in the last line that has not ended; -1 when none does. */
function startOfHalfFormula(leaf: string): number {
  let at = leaf.lastIndexOf("\n") + 1;
  while (at < leaf.length) {
    const [run = ""] = /^(?:[^`$\\]+|`+)/.exec(leaf.slice(at, at + RUN)) ?? [];
    if (run.startsWith("`")) {
      const end = leaf.indexOf(run, at + run.length);
      if (end < 0) return -1;
      at = end + run.length;
    } else if (run) {
      at += run.length;
    } else {
      const end = endOfFormula(leaf, at);
      if (!end && isHalfFormula(leaf.slice(at, at + LONGEST_HALF + 1))) return at;
      at = end || at + (leaf.charAt(at) === "\\" ? 2 : 1);
    }
  }
  return -1;
}

function isHalfFormula(rest: string): boolean {
  return OPENER.test(rest) || isHalfTeX(rest);
}

/** A dollar is mostly money: what follows must look like TeX and not like prose. */
function isHalfTeX(rest: string): boolean {
  return rest.length <= LONGEST_HALF && /^\$[^\s$]/.test(rest) && /[\\^_{]/.test(rest) && !PROSE.test(rest);
}

/** Markdown that reads as the text itself. */
function literal(text: string): string {
  return text.replace(/[!-/:-@[-`{-~]/g, "\\$&");
}
