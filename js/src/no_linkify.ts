/** Stands in for linkify-it in the bundle: bare addresses are never made into links, and it weighs as much as the rest of the parser. */
export class LinkifyIt {}
