/** Which formulas are typeset: the same judgement as `core/maths.py` passes before MathJax sees one. */

/** Characters; a longer formula stays as it was written. */
const LONGEST = 5000;

const FORBIDDEN = new RegExp(
  "\\\\(?:" +
    [
      "href|url|style|class|cssid|data|html\\w*|mmltoken|bbox|enclose|includegraphics|input",
      "require|autoload|setoptions|mathtoolsset|unicode|char|toggle|mathtip|texttip|tooltip",
      "[gex]?def|let|futurelet|global|csname|(?:re)?new\\w*|providecommand|declare\\w*|definecolor|usetagform",
      "label|ref|eqref|rule|space|raise|lower|moveleft|moveright|verb|catcode|loop",
    ].join("|") +
    ")(?![a-z])",
  "i",
);
/** A length of three digits or more can push a formula over other parts of the page. */
const HUGE = /\d{3}\s*(?:\.\d*)?\s*(?:em|ex|px|pt|pc|cm|mm|in|mu|bp|dd|cc|sp)\b/i;

/** Whether the formula only typesets: nothing in it acts, defines or reaches out. */
export function typesettable(formula: string): boolean {
  return formula.length <= LONGEST && !FORBIDDEN.test(formula) && !HUGE.test(formula);
}
