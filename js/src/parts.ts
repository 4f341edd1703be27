/**
 * Parts of the page's code that only some answers need: the first text that needs one makes the page ask a kernel for it,
 * over the line of any widget, and every later text finds it there. Nothing else is ever fetched.
 */

import type { Listener, Model } from "./host.js";
import type { Json, Part } from "./protocol.gen.js";

/** Draws a text in a way that the part knows; null when it cannot. */
export type Draw = (text: string, way: string) => Node | null;
type Module = { readonly default: Draw };

declare const PART_VERSIONS: Readonly<Record<Part, string>>;

type Page = typeof globalThis & { [key: symbol]: Promise<Module> | undefined };
const PAGE: Page = globalThis;

/** A kernel that has not answered by then may be gone: somebody else is asked. */
const PATIENCE = 5000;

/** What waits for a part; held weakly, for a view may be gone before the part has come. */
export interface Waiting {
  come(part: Part): void;
}

const suppliers = new Set<Model>();
const waiting = new Map<Part, Set<WeakRef<Waiting>>>();
const asked = new Map<Part, number>();
const drawers = new Map<Part, Draw>();

/** Lets parts be asked for on the line of this model, for as long as the signal lives. */
export function supply(model: Model, signal: AbortSignal): void {
  const heard: Listener = (content) => receive(content);
  model.on("msg:custom", heard);
  suppliers.add(model);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", heard);
    suppliers.delete(model);
  });
  for (const part of waiting.keys()) ask(part);
}

/** The part, if it is here; else it is asked for, and `who` is told when it comes. */
export function drawer(part: Part, who: Waiting): Draw | null {
  const known = drawers.get(part);
  if (known) return known;
  const all = waiting.get(part) ?? new Set();
  waiting.set(part, all.add(new WeakRef(who)));
  ask(part);
  return null;
}

/** Takes a part into use, wherever it came from. */
export function install(part: Part, draw: Draw): void {
  drawers.set(part, draw);
  const all = waiting.get(part) ?? [];
  waiting.delete(part);
  for (const who of all) who.deref()?.come(part);
}

function ask(part: Part): void {
  const loading = PAGE[keyOf(part)];
  if (loading) return use(part, loading);
  const now = performance.now();
  const model = [...suppliers].at(-1);
  if (!model || now - (asked.get(part) ?? -PATIENCE) < PATIENCE) return;
  asked.set(part, now);
  try {
    model.send({ type: "need_bundle", version: PART_VERSIONS[part], part });
  } catch {
    // The line is closed: a notebook without a kernel, or a view that outlived its model.
  }
}

function receive(content: Json): void {
  if (typeof content !== "object" || content === null || !("part" in content)) return;
  const { part, source } = content;
  if ((part !== "maths" && part !== "highlight") || typeof source !== "string" || !waiting.has(part)) return;
  use(part, (PAGE[keyOf(part)] ??= load(source)));
}

function use(part: Part, loading: Promise<Module>): void {
  // A part that does not load leaves every text as it was written, and is not asked for again.
  loading.then(
    (module) => drawers.has(part) || install(part, module.default),
    () => undefined,
  );
}

async function load(source: string): Promise<Module> {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return (await import(address)) as Module;
  } finally {
    URL.revokeObjectURL(address);
  }
}

function keyOf(part: Part): symbol {
  return Symbol.for(`streamcell ${part} ${PART_VERSIONS[part]}`);
}
