/** Making elements: the only way anything gets onto the page. Text is always text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = "",
  text = "",
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function drawing<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string>,
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A button whose text is its accessible name. */
export function button(name: string, className: string): HTMLButtonElement {
  const made = element("button", `sc-button ${className}`, name);
  made.type = "button";
  return made;
}

/** Writes only what changed: an equal text costs no layout. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Appends to the text node at the end, so that a growing text stays one node. */
export function appendText(parent: Node, text: string): void {
  const last = parent.lastChild;
  if (last instanceof Text) last.appendData(text);
  else parent.appendChild(document.createTextNode(text));
}

const SAID_FOR = 1500;

/** Puts `text` on the clipboard and lets the button say so for a moment. */
export async function copy(text: string, said: HTMLButtonElement): Promise<void> {
  const name = said.textContent ?? "";
  if (!name || name === "Copied") return;
  said.textContent = (await written(text)) ? "Copied" : "Not copied";
  said.setAttribute("aria-label", name);
  setTimeout(() => {
    said.textContent = name;
    said.removeAttribute("aria-label");
  }, SAID_FOR);
}

async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on plain http or without permission: the selection still can be copied.
    return selectedAndCopied(text);
  }
}

function selectedAndCopied(text: string): boolean {
  const area = element("textarea", "sc-offscreen");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand?.("copy") ?? false;
  area.remove();
  return done;
}

/** The element that has the focus, also when the view stands in a shadow root. */
export function focused(view: Node): HTMLElement | null {
  const root = view.getRootNode();
  const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return active instanceof HTMLElement && view.contains(active) ? active : null;
}
