/** The part that typesets: TeX to MathML, which the browser lays out itself. Its entry is the one function below. */

import temml from "temml";
import { mathml } from "./mathml.js";
import { typesettable } from "./typesettable.js";

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: false,
  maxExpand: 500,
  maxSize: [20, 20],
} as const;

/** The formula `tex`, `way` "display" or "inline"; null when it cannot be read or may not be. */
export default function draw(tex: string, way: string): Element | null {
  if (!tex.trim() || !typesettable(tex)) return null;
  try {
    const displayMode = way === "display";
    return mathml(temml.renderToString(tex, { ...OPTIONS, maxSize: [20, 20], displayMode, macros: {} }));
  } catch {
    // Whatever is wrong with a formula, its source is shown.
    return null;
  }
}
