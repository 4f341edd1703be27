import { expect, test } from "vitest";
import { DOCUMENTS } from "./cases.js";
import { dice, drawn, pieces } from "./drawing.js";

for (const [name, text] of Object.entries(DOCUMENTS)) {
  test(`${name}: character by character ends as the whole does`, () => {
    expect(drawn(text.split("")).outerHTML).toBe(drawn([text]).outerHTML);
  });

  test(`${name}: pieces of any length end as the whole does`, () => {
    const whole = drawn([text]).outerHTML;
    for (let seed = 1; seed < 40; seed += 1)
      expect(drawn(pieces(text, dice(seed * 7919))).outerHTML).toBe(whole);
  });
}

test("all documents in one end as the whole does", () => {
  const text = Object.values(DOCUMENTS).join("\n\n");
  const whole = drawn([text]).outerHTML;
  expect(drawn(text.split("")).outerHTML).toBe(whole);
  for (let seed = 1; seed < 10; seed += 1)
    expect(drawn(pieces(text, dice(seed * 104729))).outerHTML).toBe(whole);
});
