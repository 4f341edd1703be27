/**
 * In place of markdown-it's own table of character references, 15 kB of the bundle: the browser has that table. The
 * document that it is asked through is never shown and runs nothing.
 */

const known = new Map<string, string>();
const LIMIT = 500;

/** The characters that `&name;` stands for; a reference that does not exist stays as it is. */
export function decodeHTMLStrict(reference: string): string {
  const found = known.get(reference) ?? lookUp(reference);
  if (known.size < LIMIT) known.set(reference, found);
  return found;
}

function lookUp(reference: string): string {
  // Blanks at the beginning of a document are dropped, so there is a letter before.
  const page = new DOMParser().parseFromString(`x${reference}`, "text/html");
  const text = page.body.textContent?.slice(1) ?? "";
  // Some references are also read without their semicolon; that is no reading of the whole name.
  return text.endsWith(";") && reference !== "&semi;" ? reference : text;
}
