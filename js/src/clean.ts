/** Text hygiene: what of a model's text may reach the page at all. Knows no Markdown. */

/** C0 and C1 controls but tab and newline, the Unicode "tag" characters that hide text, and lone surrogates. */
const REMOVED =
  // eslint-disable-next-line no-control-regex -- these are exactly the characters meant
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export function clean(text: string): string {
  return text.replace(REMOVED, "");
}

export function reorders(text: string): boolean {
  return BIDI.test(text);
}

/**
 * What draws nothing where it stands: Unicode's default-ignorable code points (fillers of Hangul, selectors of variants
 * and tags among them), line and paragraph separators and the other formats. Written out, and the same as in
 * `core/visible.py`, so that no version of Unicode decides what a reader sees.
 */
const INVISIBLE = String.raw`\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}`;
/** The blocks that hold emoji, skin tones and flags. */
const PICTURE = String.raw`[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\u{1f000}-\u{1faff}]`;
/** A joiner between two pictures and a selector behind one, or within a keycap: parts of what is seen. */
const IN_A_PICTURE = String.raw`(?:(?<=${PICTURE})|(?<=${PICTURE}\ufe0f))\u200d(?=${PICTURE})|(?<=${PICTURE})\ufe0f|(?<=[#*0-9])\ufe0f(?=\u20e3)`;
const HIDDEN = new RegExp(`(?=[${INVISIBLE}])(?!${IN_A_PICTURE}).`, "gsu");
/** The most that has to be known of the text before a character to tell whether it is hidden. */
const KNOWN_BEFORE = 3;
/** What the next piece may yet make part of a picture. */
const UNDECIDED = /[\u200d\ufe0f]$/;

/** True when what follows the text decides whether its last character is hidden. */
export function endsUndecided(text: string): boolean {
  return UNDECIDED.test(text);
}

const ESCAPED = new RegExp(`(?![\\t\\n])[\\p{Cc}\\p{Cs}${INVISIBLE}]`, "gu");

/** JSON as it is, with every invisible character written as JSON's own escape: what is seen is what is meant. */
export function escaped(json: string): string {
  return json.replace(ESCAPED, (found) => found.replace(/[^]/g, escape));
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

export interface Spelled {
  readonly text: string;
  readonly marked: boolean;
}

/** Cuts a program that arrives in pieces at what cannot be seen in it: each such character becomes its name, marked. */
export class Speller {
  #before: string;
  #held = "";

  /** `before` is the text that the pieces go on with. */
  constructor(before = "") {
    this.#before = before.slice(-KNOWN_BEFORE);
  }

  /** What the piece adds to what is shown; a character that the next piece decides about waits for it. */
  feed(piece: string): Spelled[] {
    const text = this.#held + piece;
    this.#held = UNDECIDED.exec(text)?.[0] ?? "";
    return this.#spelled(text.slice(0, text.length - this.#held.length));
  }

  end(): Spelled[] {
    const rest = this.#held;
    this.#held = "";
    return this.#spelled(rest);
  }

  #spelled(text: string): Spelled[] {
    const known = this.#before + text;
    let done = this.#before.length;
    this.#before = known.slice(-KNOWN_BEFORE);
    const found: Spelled[] = [];
    const shown = (end: number): void => {
      if (end > done) found.push({ text: known.slice(done, end), marked: false });
    };
    for (const { 0: hidden, index } of known.matchAll(HIDDEN)) {
      if (index < done) continue;
      shown(index);
      found.push({ text: name(hidden), marked: true });
      done = index + hidden.length;
    }
    shown(known.length);
    return found;
  }
}

function name(hidden: string): string {
  return `U+${hidden.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
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
