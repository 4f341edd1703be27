import { beforeEach, expect, test, vi } from "vitest";
import { FakeKernel } from "../src/fake.js";
import type { Json } from "../src/protocol.gen.js";

const KEY = Symbol.for("streamcell test");

/** What a module does in place of the real one: it notes what it is handed. */
const SOURCE = `export default () => ({
  initialize: (opened) => (globalThis.opened ??= []).push(opened),
  render: ({ el }) => { el.textContent = "rendered"; },
})`;

interface Opened {
  model: FakeKernel;
  early: Json[];
}

type Page = typeof globalThis & { opened?: Opened[] | undefined; [key: symbol]: object | undefined };
const page: Page = globalThis;

beforeEach(() => {
  vi.clearAllMocks();
  vi.stubGlobal("BUNDLE_VERSION", "test");
  page.opened = undefined;
  page[KEY] = undefined;
  // jsdom has no object addresses, Node imports data addresses.
  vi.spyOn(URL, "createObjectURL").mockImplementation(
    () => `data:text/javascript,${encodeURIComponent(SOURCE)}`,
  );
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
});

Object.assign(URL, { createObjectURL: () => "", revokeObjectURL: () => {} });

async function load(kernel: FakeKernel) {
  const { default: loader } = await import("../src/loader.js");
  const signal = new AbortController().signal;
  const carried = loader();
  carried.initialize({ model: kernel, signal });
  const el = document.createElement("div");
  return { el, rendered: carried.render({ el, signal }) };
}

function sharing(kernel: FakeKernel): FakeKernel {
  const shared = new FakeKernel();
  shared.set("source", SOURCE);
  kernel.set("bundle_ref", "shared");
  Object.assign(kernel, { widget_manager: { get_model: async () => shared } });
  return kernel;
}

test("the module comes from the shared model, and the messages that came meanwhile are handed over", async () => {
  const kernel = sharing(new FakeKernel());
  const { el, rendered } = await load(kernel);
  kernel.deliver(kernel.flush());
  await rendered;
  expect(el.textContent).toBe("rendered");
  expect(page.opened?.[0]?.model).toBe(kernel);
  expect(page.opened?.[0]?.early).toHaveLength(1);
  expect(kernel.heard).toEqual([]);
});

test("one module serves every widget of the page", async () => {
  const widgets = await Promise.all([1, 2, 3].map(() => load(sharing(new FakeKernel()))));
  await Promise.all(widgets.map(({ rendered }) => rendered));
  expect(page.opened).toHaveLength(3);
  expect(URL.createObjectURL).toHaveBeenCalledTimes(1);
});

test("without a shared model the kernel is asked", async () => {
  const kernel = new FakeKernel();
  const { el, rendered } = await load(kernel);
  await vi.waitFor(() => expect(kernel.heard).toEqual([{ type: "need_bundle", version: "test" }]));
  kernel.deliver({ type: "bundle", version: "test", source: SOURCE });
  await rendered;
  expect(el.textContent).toBe("rendered");
});

test("a part that comes meanwhile, for another page, is not taken for the module", async () => {
  const kernel = new FakeKernel();
  const { el, rendered } = await load(kernel);
  await vi.waitFor(() => expect(kernel.heard).toHaveLength(1));
  kernel.deliver({ type: "bundle", version: "test", source: "export default 1", part: "maths" });
  kernel.deliver({ type: "bundle", version: "test", source: SOURCE });
  await rendered;
  expect(el.textContent).toBe("rendered");
});

test("a shared model that cannot be had sends the question to the kernel", async () => {
  const kernel = new FakeKernel();
  kernel.set("bundle_ref", "lost");
  Object.assign(kernel, { widget_manager: { get_model: () => Promise.reject(new Error("no such model")) } });
  await load(kernel);
  await vi.waitFor(() => expect(kernel.heard).toHaveLength(1));
});

test("a module that does not load leaves one clear line, and the next widget tries anew", async () => {
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => "data:text/javascript,syntax error");
  const failed = await load(sharing(new FakeKernel()));
  await failed.rendered;
  expect(failed.el.textContent).toContain("could not be loaded");
  expect(page[KEY]).toBeUndefined();
});
