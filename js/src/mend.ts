/**
 * Half-arrived Markdown, made whole for one frame: `**bo` is shown as bold already, a table from its first row on, a
 * marker only once it is clear what it marks. Nothing here outlives the frame; the end of a text is never mended.
 */

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
  const decided = withoutUndecidedLine(text);
  const table = withDelimiterRow(decided);
  if (table !== decided) return table;
  const at = startOfLeaf(decided);
  const leaf = decided.slice(at);
  if (!leaf.trim() || /^(?: {4}|\t)/.test(leaf)) return decided;
  return decided.slice(0, at) + mendInline(leaf);
}

function mendInline(leaf: string): string {
  const end = Math.max(0, leaf.length - HALF_LENGTH);
  return remend(leaf.slice(0, end) + leaf.slice(end).replace(HALF, ""), REMEND);
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
