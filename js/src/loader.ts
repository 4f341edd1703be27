/**
 * What every widget instance carries: it holds the messages that come, gets the real module once per page and hands
 * over. The module comes from a model shared by all widgets, or, where that cannot be reached, from the kernel.
 */

import type { Host, Listener, Model } from "./host.js";
import type { Json } from "./protocol.gen.js";
import type { Rendered, Widget } from "./view.js";

declare const BUNDLE_VERSION: string;

type Module = { default(): Widget };
type Page = typeof globalThis & { [key: symbol]: Promise<Module> | undefined };

const PAGE: Page = globalThis;
const KEY = Symbol.for(`streamcell ${BUNDLE_VERSION}`);
const PATIENCE = 500;

async function bundle(model: Model, signal: AbortSignal, host?: Host): Promise<Module> {
  const source = (await sharedSource(model, host).catch(() => "")) || (await askedSource(model, signal));
  const address = URL.createObjectURL(new Blob([String(source)], { type: "text/javascript" }));
  try {
    return (await import(address)) as Module;
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function sharedSource(model: Model, host?: Host): Promise<Json | undefined> {
  const id = model.get("bundle_ref");
  if (typeof id !== "string" || !id) return "";
  const shared = host?.getModel ? host.getModel(`anywidget:${id}`) : model.widget_manager?.get_model?.(id);
  return (await shared)?.get("source");
}

function askedSource(model: Model, signal: AbortSignal): Promise<Json> {
  return new Promise((resolve, reject) => {
    const heard: Listener = (content) => {
      if (typeof content !== "object" || content === null || !("source" in content) || "part" in content)
        return;
      model.off("msg:custom", heard);
      resolve(content["source"] ?? "");
    };
    model.on("msg:custom", heard);
    signal.addEventListener("abort", () => reject(signal.reason));
    model.send({ type: "need_bundle", version: BUNDLE_VERSION });
  });
}

/** One load for the whole page; a failed one is forgotten, so that the next widget may have better luck. */
function shared(load: () => Promise<Module>): Promise<Module> {
  return (PAGE[KEY] ??= load().catch((error) => {
    PAGE[KEY] = undefined;
    throw error;
  }));
}

export default () => {
  const early: Json[] = [];
  let ready: Promise<Widget>;
  return {
    initialize({ model, signal, host }: { model: Model; signal: AbortSignal; host?: Host }) {
      const hold: Listener = (content) => early.push(content);
      model.on("msg:custom", hold);
      const load = () => shared(() => bundle(model, signal, host));
      ready = load()
        .catch(load)
        .then((module) => {
          const widget = module.default();
          model.off("msg:custom", hold);
          widget.initialize({ model, signal, early });
          return widget;
        });
      ready.catch(() => {});
    },
    async render({ el, signal }: Rendered) {
      const note = (text: string) => {
        el.textContent = text;
      };
      const timer = setTimeout(note, PATIENCE, "Loading streamcell view…");
      try {
        const widget = await ready;
        if (!signal.aborted) widget.render({ el, signal });
      } catch {
        note("The streamcell view could not be loaded. Run the cell again to see the answer.");
      } finally {
        clearTimeout(timer);
      }
    },
  };
};
