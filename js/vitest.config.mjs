import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  define: { PART_VERSIONS: JSON.stringify({ maths: "test", highlight: "test" }) },
  test: {
    // As in the bundles: what the parser reads character references with is ours.
    alias: { entities: fileURLToPath(new URL("src/entities.ts", import.meta.url)) },
    environment: "jsdom",
    include: ["test/**/*.test.ts"],
    server: { deps: { inline: ["markdown-it"] } },
    setupFiles: ["test/setup.mjs"],
  },
});
