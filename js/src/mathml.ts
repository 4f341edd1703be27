/**
 * MathML from a typesetter's markup, by an allow list: the markup is read in a document that shows and runs nothing, and
 * made again here of elements, attributes and values that are named below. A formula with anything else in it is none.
 */

const MATHML = "http://www.w3.org/1998/Math/MathML";

const ELEMENTS = new Set(
  (
    "math mrow mi mn mo mtext ms mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts " +
    "mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose"
  ).split(" "),
);

const TRUTH = /^(?:true|false)$/;
const LENGTH = /^[+-]?\d{0,2}(?:\.\d+)?(?:em|ex|pt|px|mu)?$/;
const ATTRIBUTES: ReadonlyMap<string, RegExp> = new Map([
  ...names("stretchy fence separator symmetric largeop movablelimits accent accentunder displaystyle", TRUTH),
  ...names("lspace rspace minsize maxsize width height depth voffset linethickness rowspacing", LENGTH),
  ...names("display", /^(?:block|inline)$/),
  ...names("form", /^(?:prefix|infix|postfix)$/),
  ...names("mathvariant", /^normal$/),
  ...names("scriptlevel", /^[+-]?\d$/),
  ...names("columnspan rowspan", /^\d{1,2}$/),
  ...names("notation", /^[a-z ]{1,60}$/),
]);

/** The typesetter's classes that our style sheet knows. */
const CLASSES =
  /^(?:tml-(?:left|right|jot|small|overline|underline|cancel|xcancel)|upstrike|downstrike|sout)$/;

const BORDER = /^\d?(?:\.\d+|\d)(?:em|px) (?:solid|dashed)$/;
const STYLES: ReadonlyMap<string, RegExp> = new Map([
  ...names("padding padding-left padding-right padding-top padding-bottom", LENGTH),
  ...names("border border-left border-right border-top border-bottom", BORDER),
]);

/** Layout of formulas nested deeper can cost its square. */
const DEEPEST = 60;
const MOST = 10_000;

/** The formula that the markup describes; null when it holds something else or too much. */
export function mathml(markup: string): Element | null {
  const page = new DOMParser().parseFromString(markup, "text/html");
  const found = page.body.firstElementChild;
  if (!found || found.nextSibling || found.localName !== "math" || page.head.firstChild) return null;
  if (page.getElementsByTagName("*").length > MOST) return null;
  return copied(found, DEEPEST);
}

function copied(found: Element, depth: number): Element | null {
  if (depth === 0 || found.namespaceURI !== MATHML || !ELEMENTS.has(found.localName)) return null;
  const made = document.createElementNS(MATHML, found.localName);
  for (const { name, value } of found.attributes) {
    if (ATTRIBUTES.get(name)?.test(value)) made.setAttribute(name, value);
  }
  const classes = [...found.classList].filter((name) => CLASSES.test(name)).map((name) => `sc-${name}`);
  if (classes.length > 0) made.setAttribute("class", classes.join(" "));
  dress(made, found.getAttribute("style") ?? "");
  for (const child of found.childNodes) {
    const copy = child instanceof Element ? copied(child, depth - 1) : textOf(child);
    if (!copy) return null;
    made.append(copy);
  }
  return made;
}

function textOf(node: Node): Text | null {
  return node.nodeType === Node.TEXT_NODE ? document.createTextNode(node.nodeValue ?? "") : null;
}

function dress(made: MathMLElement, style: string): void {
  // A page's policy may forbid the attribute, but not this; jsdom knows no style of MathML.
  for (const rule of style.split(";")) {
    const [name = "", value = ""] = rule.split(":");
    if (value && STYLES.get(name)?.test(value)) made.style?.setProperty(name, value);
  }
}

function names(list: string, values: RegExp): [string, RegExp][] {
  return list.split(" ").map((name) => [name, values]);
}
