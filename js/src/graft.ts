/**
 * Makes an element equal to a newly built one by changing only where they differ: what a reader has selected stays
 * selected, and a row or sentence that is already there is not laid out again.
 */

/** The element that now stands on the page: `present`, changed, or `wanted` in its place. */
export function graft(present: Element, wanted: Element): Element {
  if (!alike(present, wanted)) {
    present.replaceWith(wanted);
    return wanted;
  }
  let old = present.firstChild;
  let next = wanted.firstChild;
  while (old && next && old.isEqualNode(next)) {
    old = old.nextSibling;
    next = next.nextSibling;
  }
  if (old && next && grown(old, next)) {
    old = old.nextSibling;
    next = next.nextSibling;
  }
  while (old) {
    const gone = old;
    old = old.nextSibling;
    gone.remove();
  }
  while (next) {
    const added = next;
    next = next.nextSibling;
    present.append(added);
  }
  return present;
}

/** Makes the first differing child like the one wanted, if it only has to grow or change inside. */
function grown(old: ChildNode, next: ChildNode): boolean {
  if (old instanceof Text && next instanceof Text && next.data.startsWith(old.data)) {
    old.appendData(next.data.slice(old.data.length));
    return true;
  }
  if (old instanceof Element && next instanceof Element && alike(old, next)) {
    graft(old, next);
    return true;
  }
  return false;
}

/** Equal but for what is inside; a button is more than it looks like, so an image's placeholder is taken whole. */
function alike(one: Element, other: Element): boolean {
  return (
    !one.querySelector("button.sc-load-image") && one.cloneNode(false).isEqualNode(other.cloneNode(false))
  );
}
