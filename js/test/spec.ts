/** The examples of the CommonMark specification. */
import specification from "commonmark-spec";

export interface Example {
  readonly number: number;
  readonly markdown: string;
  readonly html: string;
}

export const CommonMark: readonly Example[] = specification.tests.map((example) => ({
  ...example,
  markdown: example.markdown.replaceAll("→", "\t"),
  html: example.html.replaceAll("→", "\t"),
}));
