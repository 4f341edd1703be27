import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Channel } from "../src/channel.js";
import { FakeKernel } from "../src/fake.js";
import type { Batch, FromPage } from "../src/protocol.gen.js";
import { Turn } from "../src/turn.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function opened(kernel = new FakeKernel()) {
  const alive = new AbortController();
  const channel = new Channel(kernel, alive.signal);
  return { kernel, channel, alive };
}

/** `count` batches of two deltas each, not delivered yet. */
function batches(kernel: FakeKernel, count: number): Batch[] {
  return Array.from({ length: count }, (_, n) => {
    kernel.append({ type: "text", text: `<${n}` }, { type: "text", text: ">" });
    return kernel.flush();
  });
}

function sent(kernel: FakeKernel, type: FromPage["type"]): FromPage[] {
  return kernel.heard.filter((message) => message.type === type);
}

const WHOLE = "<0><1><2><3><4><5><6><7><8><9>";

const ORDERS: Readonly<Record<string, (all: Batch[]) => (Batch | undefined)[]>> = {
  "in order": (all) => all,
  repeated: (all) => all.flatMap((batch) => [batch, batch]),
  "one lost": (all) => all.filter((_, n) => n !== 4),
  "every other lost": (all) => all.filter((_, n) => n % 2 === 1),
  "the first lost": (all) => all.slice(1),
  "the last lost": (all) => all.slice(0, -1),
  backwards: (all) => [...all].reverse(),
  "one late": (all) => [...all.filter((_, n) => n !== 2), all[2]],
  "all lost": () => [],
};

for (const [name, order] of Object.entries(ORDERS)) {
  test(`batches ${name} end with the same text`, () => {
    const { kernel, channel } = opened();
    const all = batches(kernel, 10);
    kernel.state = "done";
    for (const batch of order(all)) if (batch) kernel.deliver(batch);
    kernel.snapshot();
    vi.advanceTimersByTime(20_000);
    expect(Turn.markdown(channel.run)).toBe(WHOLE);
    expect(channel.run.next).toBe(20);
  });
}

test("overlapping batches end with the same text", () => {
  const { kernel, channel } = opened();
  const all = batches(kernel, 10);
  for (const batch of [all[0], kernel.batch(1, 7), kernel.batch(1, 12), kernel.batch(11, 20)]) {
    if (batch) kernel.deliver(batch);
  }
  vi.advanceTimersByTime(20_000);
  expect(Turn.markdown(channel.run)).toBe(WHOLE);
});

test("a batch from the very beginning is taken at once, whatever is there already", () => {
  const { kernel, channel } = opened();
  const [one] = batches(kernel, 5);
  if (one) kernel.deliver(one);
  kernel.deliver(kernel.batch(0, 8));
  expect(Turn.markdown(channel.run)).toBe("<0><1><2><3>");
});

test("a page that comes late asks for everything at once", () => {
  const kernel = new FakeKernel();
  batches(kernel, 10);
  kernel.snapshot();
  const { channel } = opened(kernel);
  expect(sent(kernel, "sync")).toEqual([{ type: "sync", run: "run", have: 0 }]);
  expect(Turn.markdown(channel.run)).toBe(WHOLE);
});

test("messages that came before the module count", () => {
  const kernel = new FakeKernel();
  const early = JSON.parse(JSON.stringify(batches(kernel, 3)));
  const channel = new Channel(kernel, new AbortController().signal, early);
  expect(Turn.markdown(channel.run)).toBe("<0><1><2>");
  expect(sent(kernel, "sync")).toEqual([{ type: "sync", run: "run", have: 6 }]);
});

test("a text of another length than the kernel's is told again from the beginning", () => {
  const { kernel, channel } = opened();
  const [good, bad] = batches(kernel, 2);
  if (good) kernel.deliver(good);
  if (bad) kernel.deliver({ ...bad, events: [] });
  kernel.state = "done";
  kernel.snapshot();
  expect(Turn.markdown(channel.run)).toBe("<0>");
  vi.advanceTimersByTime(1000);
  expect(Turn.markdown(channel.run)).toBe("<0><1>");
});

test("questions grow rarer, and in the end the view knows that text is missing", () => {
  const { kernel, channel } = opened();
  kernel.listening = false;
  batches(kernel, 3);
  kernel.state = "done";
  kernel.snapshot();
  vi.advanceTimersByTime(600_000);
  expect(channel.incomplete).toBe(true);
  expect(sent(kernel, "sync").length).toBeLessThan(15);
});

test("a late batch does not bring a finished run back to life", () => {
  const { kernel, channel } = opened();
  const [batch] = batches(kernel, 1);
  if (!batch) return;
  kernel.deliver(batch);
  kernel.state = "done";
  kernel.snapshot();
  kernel.deliver({ ...batch, state: "streaming" });
  expect(channel.run.state).toBe("done");
});

test("a batch without events brings the state", () => {
  const { kernel, channel } = opened();
  kernel.state = "thinking";
  kernel.deliver(kernel.flush());
  expect(channel.run.state).toBe("thinking");
});

test("batches of another run are not taken", () => {
  const { kernel, channel } = opened();
  const [batch] = batches(kernel, 1);
  if (batch) kernel.deliver({ ...batch, run: "other" });
  expect(channel.run.next).toBe(0);
});

test("acknowledgements come at most twice a second and end with what was painted last", () => {
  const { kernel, channel } = opened();
  for (let next = 1; next <= 100; next += 1) {
    channel.painted(next);
    vi.advanceTimersByTime(20);
  }
  vi.advanceTimersByTime(1000);
  const acks = sent(kernel, "ack");
  expect(acks.length).toBeLessThanOrEqual(6);
  expect(acks.at(-1)).toEqual({ type: "ack", run: "run", painted: 100 });
});

function interruptible(kernel: FakeKernel) {
  const interrupt = vi.fn(() => Promise.resolve());
  Object.assign(kernel, { widget_manager: { kernel: { interrupt } } });
  return interrupt;
}

test("a stop that is heard does not interrupt the kernel", async () => {
  const { kernel, channel } = opened();
  const interrupt = interruptible(kernel);
  channel.stop();
  await vi.advanceTimersByTimeAsync(2000);
  expect(channel.run.state).toBe("stopped");
  expect(interrupt).not.toHaveBeenCalled();
});

test("a stop that is not heard interrupts the kernel, once", async () => {
  const { kernel, channel } = opened();
  const interrupt = interruptible(kernel);
  kernel.listening = false;
  kernel.state = "streaming";
  kernel.snapshot();
  channel.stop();
  channel.stop();
  await vi.advanceTimersByTimeAsync(600);
  expect(interrupt).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2000);
  expect(interrupt).toHaveBeenCalledTimes(1);
  expect(sent(kernel, "stop")).toHaveLength(1);
});

test("another cell is not interrupted", async () => {
  const { kernel, channel } = opened();
  const interrupt = vi.fn(() => Promise.resolve());
  const output = {
    data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } },
    setData: vi.fn(),
  };
  const cell = { executionState: "idle", outputs: { length: 1, get: () => output } };
  const widget_manager = {
    kernel: { interrupt },
    get_model: async () => kernel,
    context: { model: { cells: [cell] } },
  };
  Object.assign(kernel, { listening: false, widget_manager });
  channel.stop();
  await vi.advanceTimersByTimeAsync(2000);
  expect(interrupt).not.toHaveBeenCalled();
});

test("the kernel is told once when the last view of a finished run is gone", () => {
  const { kernel, channel } = opened();
  const [one, two] = [new AbortController(), new AbortController()];
  channel.attach(one.signal);
  channel.attach(two.signal);
  one.abort();
  kernel.stop();
  expect(sent(kernel, "gone")).toHaveLength(0);
  two.abort();
  expect(sent(kernel, "gone")).toEqual([{ type: "gone", run: "run" }]);
});

test("a view closed during the run is reported at its end", () => {
  const { kernel, channel } = opened();
  const view = new AbortController();
  channel.attach(view.signal);
  view.abort();
  expect(sent(kernel, "gone")).toHaveLength(0);
  kernel.stop();
  expect(sent(kernel, "gone")).toHaveLength(1);
});
