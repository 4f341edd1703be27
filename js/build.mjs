// Builds what the page runs. The loader names the bundle by its hash, so the bundle is made first.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const STATIC = here("../src/streamcell/notebook/static/");
const DIST = here("dist/");

/** What every view needs must stay this small on the wire. */
const BUNDLE_LIMIT = 60 * 1024;
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
    minify: true,
    plugins: [styleSheets],
    target: "es2022",
    write: false,
  });
  return result.outputFiles[0].contents;
}

/** A widget's module and the loader that gets it, under names that a kernel knows them by; true when small enough. */
async function widget(entry, name, loaderName) {
  const module = await bundle(entry);
  const version = createHash("sha256").update(module).digest("hex").slice(0, 12);
  const loader = await bundle("src/loader.ts", { BUNDLE_VERSION: JSON.stringify(version) });
  await writeFile(`${STATIC}${name}`, module);
  await writeFile(`${STATIC}${loaderName}`, loader);
  const size = gzipSync(module, { level: 9 }).length;
  console.log(
    `${name} ${version}: ${module.length} bytes, ${size} gzip; ${loaderName}: ${loader.length} bytes`,
  );
  return size <= BUNDLE_LIMIT && loader.length <= LOADER_LIMIT;
}

await mkdir(STATIC, { recursive: true });
await mkdir(DIST, { recursive: true });
const small = [
  await widget("src/view.ts", "widget.js", "loader.js"),
  await widget("src/chat.ts", "chat.js", "chat_loader.js"),
].every(Boolean);
await writeFile(`${DIST}renderer.mjs`, await bundle("src/renderer.ts"));
await writeFile(`${DIST}harness.mjs`, await bundle("src/harness.ts"));
await copyFile(here("src/harness.html"), `${DIST}harness.html`);

if (process.argv.includes("--check") && !small) {
  console.error(`too big: the limits are ${BUNDLE_LIMIT} (a module, gzip) and ${LOADER_LIMIT} (a loader)`);
  process.exit(1);
}
