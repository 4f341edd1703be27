/** The lines of a text, as offsets: what a parser means by "line 12". */
export class Lines {
  readonly #text: string;
  readonly #starts: number[] = [0];

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  start(line: number): number {
    return this.#starts[line] ?? this.#text.length;
  }

  slice(first: number, end: number): string {
    return this.#text.slice(this.start(first), this.start(end));
  }

  /**
   * True when no later text can change that a block begins on this line: the line is whole and follows a blank one, or
   * the next is whole too (a table is told by its second line).
   */
  decided(line: number): boolean {
    const whole = this.#starts.length - 1 - line;
    return whole >= 2 || (whole === 1 && !this.slice(line - 1, line).trim());
  }
}
