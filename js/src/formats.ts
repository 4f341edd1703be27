/** How the answer's text is drawn, by the format the kernel names. */

import { Markdown } from "./markdown.js";
import type { Format } from "./protocol.gen.js";
import { Table } from "./table.js";
import { CodeBlock, PlainText } from "./verbatim.js";

/** Takes a text in pieces, cut anywhere, and draws it when told to; after `end` nothing may be appended. */
export interface Writer {
  append(piece: string): void;
  draw(): void;
  end(): void;
}

export function writer(format: Format, root: HTMLElement): Writer {
  switch (format) {
    case "text":
      return new PlainText(root);
    case "code":
    case "json":
      return new CodeBlock(root, format === "json" ? format : "");
    case "table":
      return new Table(root);
    default:
      // A newer kernel may name a format that this page does not know.
      return new Markdown(root);
  }
}
