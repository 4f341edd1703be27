// Builds what the page runs. The loader names the bundle by its hash, so the bundle is made first.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const STATIC = here("../src/streamcell/notebook/static/");
const DIST = here("dist/");
const LICENCES = "LICENSES.txt";
const NOTICE = `/*! Licences of the libraries herein: ${LICENCES}, beside this file. */\n`;

/** What every view needs must stay this small on the wire. */
const BUNDLE_LIMIT = 60 * 1024;
/** What only some answers need may be larger; it is sent when one does. */
const PART_LIMIT = 120 * 1024;
/** Every widget instance carries its own copy of the loader. */
const LOADER_LIMIT = 2 * 1024;

/** A style sheet travels as text, without its comments and spaces. */
const styleSheets = {
  name: "style sheets",
  setup(building) {
    building.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path), {
        charset: "utf8",
        loader: "css",
        minify: true,
      });
      return { contents: code, loader: "text" };
    });
  },
};

/** Whose code is in what was built. */
const libraries = new Set();

async function bundle(entry, define = {}) {
  const result = await build({
    entryPoints: [here(entry)],
    alias: {
      entities: here("src/entities.ts"),
      "linkify-it": here("src/no_linkify.ts"),
      mdurl: here("src/no_addresses.ts"),
      "punycode.js": here("src/no_addresses.ts"),
    },
    bundle: true,
    charset: "utf8",
    define,
    format: "esm",
    legalComments: "none",
    metafile: true,
    minify: true,
    plugins: [styleSheets],
    target: "es2022",
    write: false,
  });
  const { contents } = result.outputFiles[0];
  const found = Object.values(result.metafile.outputs).flatMap(librariesIn);
  for (const library of found) libraries.add(library);
  return found.length ? Buffer.concat([Buffer.from(NOTICE), contents]) : contents;
}

/** The libraries of which something is in an output of esbuild. */
function librariesIn({ inputs }) {
  return Object.entries(inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
}

/** The licences of all libraries that were built in, one after the other. */
async function licences() {
  const texts = [...libraries].sort().map(async (library) => {
    const folder = here(`node_modules/${library}/`);
    const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${library} is built in, but has no licence file`);
    return `${library}\n\n${(await readFile(folder + file, "utf8")).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

const versionOf = (module) => createHash("sha256").update(module).digest("hex").slice(0, 12);

/** Says what was built; true when it is small enough. */
function fits(name, module, limit) {
  const size = gzipSync(module, { level: 9 }).length;
  console.log(`${name} ${versionOf(module)}: ${module.length} bytes, ${size} gzip`);
  return size <= limit;
}

/** A part that the widgets ask for by its version. */
async function part(entry, name) {
  const module = await bundle(entry);
  await writeFile(`${STATIC}${name}`, module);
  return { version: versionOf(module), small: fits(name, module, PART_LIMIT) };
}

/** A widget's module and the loader that gets it, under names that a kernel knows them by; true when small enough. */
async function widget(entry, name, loaderName) {
  const module = await bundle(entry, parts);
  const loader = await bundle("src/loader.ts", { BUNDLE_VERSION: JSON.stringify(versionOf(module)) });
  await writeFile(`${STATIC}${name}`, module);
  await writeFile(`${STATIC}${loaderName}`, loader);
  return fits(name, module, BUNDLE_LIMIT) && loader.length <= LOADER_LIMIT;
}

await mkdir(STATIC, { recursive: true });
await mkdir(DIST, { recursive: true });
const maths = await part("src/maths.ts", "maths.js");
const highlight = await part("src/highlight.ts", "highlight.js");
const parts = {
  PART_VERSIONS: JSON.stringify({ maths: maths.version, highlight: highlight.version }),
};
const small = [
  maths.small,
  highlight.small,
  await widget("src/view.ts", "widget.js", "loader.js"),
  await widget("src/chat.ts", "chat.js", "chat_loader.js"),
  await widget("src/dashboard.ts", "dashboard.js", "dashboard_loader.js"),
].every(Boolean);
await writeFile(STATIC + LICENCES, await licences());
await writeFile(`${DIST}renderer.mjs`, await bundle("src/renderer.ts", parts));
await writeFile(`${DIST}harness.mjs`, await bundle("src/harness.ts", parts));
await copyFile(here("src/harness.html"), `${DIST}harness.html`);

if (process.argv.includes("--check") && !small) {
  console.error(
    `too big: the limits are ${BUNDLE_LIMIT} (a module, gzip), ${PART_LIMIT} (a part) and ${LOADER_LIMIT} (a loader)`,
  );
  process.exit(1);
}
