/** In place of markdown-it's tables for addresses, 6 kB that nothing here calls: `parser.ts` and `links.ts` do that. */
const unused = undefined;
export { unused as decode, unused as default, unused as encode, unused as format, unused as parse };
