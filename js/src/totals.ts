/** What the whole conversation took, in one line. */

import { plural } from "./numbers.js";
import type { ChatTotals } from "./protocol.gen.js";

export function totalsLine({
  turns = 0,
  input_tokens: read,
  output_tokens: written,
  cost,
}: ChatTotals): string {
  if (turns === 0) return "";
  const known = read != null || written != null;
  return [
    `In all: ${plural(turns, "turn", "turns")}`,
    known ? plural((read ?? 0) + (written ?? 0), "token", "tokens") : "",
    cost == null ? "" : `$${cost.toFixed(cost < 0.01 ? 4 : 2)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
