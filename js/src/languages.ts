/** The languages whose code is coloured, under all the names that models write over it. */

const NAMES = `python py py3 python3 ipython ipython3
r rscript
julia jl
sql mysql postgres postgresql sqlite
bash sh shell zsh
json jsonc jsonl ipynb
yaml yml
javascript js jsx mjs cjs
typescript ts tsx
xml html xhtml svg
css
c h
cpp c++ cc cxx hpp
java
rust rs
go golang
markdown md
latex tex
diff patch`;

const LANGUAGES: ReadonlyMap<string, string> = new Map(
  NAMES.split("\n").flatMap((line) => {
    const names = line.split(" ");
    return names.map((name): [string, string] => [name, names[0] ?? name]);
  }),
);

/** The language that a fence of this name is coloured as; empty for any other. */
export function languageOf(name: string): string {
  return LANGUAGES.get(name.toLowerCase()) ?? "";
}
