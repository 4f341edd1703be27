import { expect, test } from "vitest";
import { decodeHTMLStrict } from "../src/entities.js";

const KNOWN = {
  amp: "&",
  lt: "<",
  copy: "©",
  Tab: "\t",
  nbsp: "\u00a0",
  semi: ";",
  NotEqualTilde: "≂̸",
  notin: "∉",
};

for (const [name, text] of Object.entries(KNOWN)) {
  test(`&${name}; is read`, () => expect(decodeHTMLStrict(`&${name};`)).toBe(text));
}

for (const name of ["nope", "copyright", "notit", "AMPER", "ltx"]) {
  test(`&${name}; stays as it is`, () => expect(decodeHTMLStrict(`&${name};`)).toBe(`&${name};`));
}
