import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeKernel } from "../src/fake.js";
import type { Part } from "../src/protocol.gen.js";

const KEY = Symbol.for("streamcell maths test");
const SOURCE = "export default (text, way) => `${way} ${text}`";

type Page = typeof globalThis & { [key: symbol]: object | undefined };
const page: Page = globalThis;
let alive = new AbortController();

beforeEach(() => {
  vi.resetModules();
  vi.clearAllMocks();
  page[KEY] = undefined;
  alive = new AbortController();
  // jsdom has no object addresses, Node imports data addresses.
  vi.spyOn(URL, "createObjectURL").mockImplementation(
    () => `data:text/javascript,${encodeURIComponent(SOURCE)}`,
  );
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
});
afterEach(() => void vi.useRealTimers());

/** The module as a page has it that has loaded nothing yet. */
const fresh = () => import("../src/parts.js");
const asked = (kernel: FakeKernel) => kernel.heard.filter(({ type }) => type === "need_bundle");
const reader = () => ({ come: vi.fn<(part: Part) => void>() });
const sent = { type: "bundle", version: "test", part: "maths", source: SOURCE } as const;

test("a part is asked for once, when it is needed, and everybody who waits is told", async () => {
  const { drawer, supply } = await fresh();
  const kernel = new FakeKernel();
  supply(kernel, alive.signal);
  expect(kernel.heard).toEqual([]);
  const [one, other] = [reader(), reader()];
  expect(drawer("maths", one)).toBeNull();
  expect(drawer("maths", other)).toBeNull();
  expect(asked(kernel)).toEqual([{ type: "need_bundle", version: "test", part: "maths" }]);
  kernel.deliver(sent);
  await vi.waitFor(() => expect(one.come).toHaveBeenCalledExactlyOnceWith("maths"));
  expect(other.come).toHaveBeenCalledTimes(1);
  expect(drawer("maths", one)?.("x", "inline")).toBe("inline x");
});

test("a part that nobody asked for is not run", async () => {
  const { supply } = await fresh();
  const kernel = new FakeKernel();
  supply(kernel, alive.signal);
  kernel.deliver(sent);
  kernel.deliver({ ...sent, part: "other" } as never);
  expect(URL.createObjectURL).not.toHaveBeenCalled();
});

test("another module of the same page finds the part there", async () => {
  const first = await fresh();
  const kernel = new FakeKernel();
  first.supply(kernel, alive.signal);
  first.drawer("maths", reader());
  kernel.deliver(sent);
  vi.resetModules();
  const second = await fresh();
  const late = reader();
  expect(second.drawer("maths", late)).toBeNull();
  await vi.waitFor(() => expect(late.come).toHaveBeenCalled());
  expect(URL.createObjectURL).toHaveBeenCalledTimes(1);
});

test("when a kernel does not answer, the next one is asked", async () => {
  vi.useFakeTimers();
  const { drawer, supply } = await fresh();
  const [gone, next] = [new FakeKernel(), new FakeKernel()];
  gone.listening = false;
  supply(gone, alive.signal);
  drawer("maths", reader());
  vi.advanceTimersByTime(6000);
  supply(next, alive.signal);
  expect([asked(gone).length, asked(next).length]).toEqual([1, 1]);
});

test("a part that does not load is not asked for again, and the text stays", async () => {
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => "data:text/javascript,syntax error");
  const { drawer, supply } = await fresh();
  const kernel = new FakeKernel();
  supply(kernel, alive.signal);
  drawer("maths", reader());
  kernel.deliver(sent);
  await vi.waitFor(() => expect(page[KEY]).toBeDefined());
  const late = reader();
  expect(drawer("maths", late)).toBeNull();
  await Promise.allSettled([page[KEY]]);
  expect(asked(kernel)).toHaveLength(1);
  expect(late.come).not.toHaveBeenCalled();
});

test("a view that is gone takes its line with it", async () => {
  const { drawer, supply } = await fresh();
  const kernel = new FakeKernel();
  supply(kernel, alive.signal);
  alive.abort();
  drawer("maths", reader());
  expect(kernel.heard).toEqual([]);
});
