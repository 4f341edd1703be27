/** Text hygiene: what of a model's text may reach the page at all. Knows no Markdown. */

/** C0 and C1 controls but tab and newline, the Unicode "tag" characters that hide text, and lone surrogates. */
const REMOVED =
  // eslint-disable-next-line no-control-regex -- these are exactly the characters meant
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Characters that reorder or hide what stands around them. */
const REORDERING = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/;
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export function clean(text: string): string {
  return text.replace(REMOVED, "");
}

export function reorders(text: string): boolean {
  return BIDI.test(text);
}

/** Whatever a reader cannot see: controls, formats and fillers, but neither tab nor newline. */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** JSON as it is, with every invisible character written as JSON's own escape: what is seen is what is meant. */
export function escaped(json: string): string {
  return json.replace(INVISIBLE, (found) => found.replace(/[^]/g, escape));
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The text cut at invisible characters: plain pieces and, marked, the name of each such character. */
export function* spelled(text: string): Generator<{ text: string; marked: boolean }> {
  let rest = text;
  for (let at = rest.search(REORDERING); at >= 0; at = rest.search(REORDERING)) {
    if (at > 0) yield { text: rest.slice(0, at), marked: false };
    const code = rest.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
    yield { text: `U+${code}`, marked: true };
    rest = rest.slice(at + 1);
  }
  if (rest) yield { text: rest, marked: false };
}

/** Cleans a text that arrives in pieces cut anywhere, and gives every line one kind of ending. */
export class Cleaner {
  #held = "";

  /** The clean part of what has come; half a character or half a line ending waits for its other half. */
  feed(piece: string): string {
    const text = this.#held + piece;
    const last = text.charCodeAt(text.length - 1);
    const open = last === 0x0d || (last >= 0xd800 && last <= 0xdbff);
    // A tag character is told by its second half, so its first half alone is always held too.
    this.#held = open ? text.slice(-1) : "";
    return normalised(open ? text.slice(0, -1) : text);
  }

  end(): string {
    const rest = normalised(this.#held);
    this.#held = "";
    return rest;
  }
}

function normalised(text: string): string {
  return clean(text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);
}
