/** What an address in a model's text may become. An allow list: whatever is not named here stays text. */

import { escaped } from "./clean.js";

const LINKED = new Set(["http:", "https:", "mailto:"]);
const FETCHED = new Set(["http:", "https:"]);
const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/;
const INLINE_IMAGE_LIMIT = 512 * 1024;

/** The address as the browser reads it, if it may be a link; null for other schemes and where it leads nowhere. */
export function linkTarget(address: string): URL | null {
  const target = allowed(address, LINKED);
  return target && destination(target) ? target : null;
}

/** The address of an image that may be fetched when the reader asks for it. */
export function imageTarget(address: string): URL | null {
  return allowed(address, FETCHED);
}

/** True for an image whose bytes came with the text, so that showing it tells nobody. */
export function isInlineImage(address: string): boolean {
  return address.length <= INLINE_IMAGE_LIMIT && INLINE_IMAGE.test(address);
}

/** Where a link really goes, in words a reader can compare: the host, or all that a mail address says, bcc too. */
export function destination(target: URL): string {
  return target.protocol === "mailto:" ? legible(target.href.slice(target.protocol.length)) : target.host;
}

/** An address as it is shown: letters as letters, but what separates its parts, and the host, as they are. */
export function readable(address: string): string {
  try {
    return decodeURI(address.replaceAll("%25", "%2525"));
  } catch {
    return address;
  }
}

/** True when the shown text already begins with the very place the link goes to. */
export function shows(text: string, target: URL): boolean {
  const prefix = target.protocol === "mailto:" ? /^mailto:/i : /^(?:https?:\/\/)?(?:www\.)?/i;
  const shown = text.trim().replace(prefix, "").toLowerCase();
  const place = destination(target).replace(prefix, "").toLowerCase();
  return shown === place || (shown.startsWith(place) && /^[/?#]/.test(shown.slice(place.length)));
}

function allowed(address: string, schemes: ReadonlySet<string>): URL | null {
  if (!URL.canParse(address)) return null;
  const target = new URL(address);
  return schemes.has(target.protocol) ? target : null;
}

/** Letters as letters, unless that would hide something or turn it round. */
function legible(address: string): string {
  const shown = readable(address);
  return escaped(shown) === shown ? shown : address;
}
