// Builds what the page runs. The loader names the bundle by its hash, so the bundle is made first.
import { createHash } from "node:crypto";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const STATIC = here("../src/streamcell/notebook/static/");
const DIST = here("dist/");

/** What every view needs must stay this small on the wire. */
const BUNDLE_LIMIT = 60 * 1024;
/** Every widget instance carries its own copy of the loader. */
const LOADER_LIMIT = 2 * 1024;

async function bundle(entry, define = {}) {
  const result = await build({
    entryPoints: [here(entry)],
    alias: { "linkify-it": here("src/no_linkify.ts") },
    bundle: true,
    charset: "utf8",
    define,
    format: "esm",
    legalComments: "none",
    loader: { ".css": "text" },
    minify: true,
    target: "es2022",
    write: false,
  });
  return result.outputFiles[0].contents;
}

const widget = await bundle("src/view.ts");
const version = createHash("sha256").update(widget).digest("hex").slice(0, 12);
const loader = await bundle("src/loader.ts", { BUNDLE_VERSION: JSON.stringify(version) });

await mkdir(STATIC, { recursive: true });
await mkdir(DIST, { recursive: true });
await writeFile(`${STATIC}widget.js`, widget);
await writeFile(`${STATIC}loader.js`, loader);
await writeFile(`${DIST}renderer.mjs`, await bundle("src/renderer.ts"));
await writeFile(`${DIST}harness.mjs`, await bundle("src/harness.ts"));
await copyFile(here("src/harness.html"), `${DIST}harness.html`);

const size = gzipSync(widget, { level: 9 }).length;
console.log(`widget.js ${version}: ${widget.length} bytes, ${size} gzip; loader.js: ${loader.length} bytes`);
if (process.argv.includes("--check") && (size > BUNDLE_LIMIT || loader.length > LOADER_LIMIT)) {
  console.error(`too big: the limits are ${BUNDLE_LIMIT} (widget.js, gzip) and ${LOADER_LIMIT} (loader.js)`);
  process.exit(1);
}
