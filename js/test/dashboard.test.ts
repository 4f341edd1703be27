import { afterEach, beforeEach, expect, test, vi } from "vitest";
import widget from "../src/dashboard.js";
import { FakeKernel } from "../src/fake.js";
import type { Board, BoardRun, Json } from "../src/protocol.gen.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

function run(number: number, state: BoardRun["state"], more: Partial<BoardRun> = {}): BoardRun {
  const figures = { elapsed: 2.5, tokens: 120, tokens_per_second: 60, time_to_first_token: 0.5 };
  return { run: String(number), model: `m${number}`, state, figures, ...more };
}

const BOARD: Board = {
  runs: [run(2, "streaming"), run(1, "done", { scripted: true })],
  running: 1,
  done: 1,
  tokens: 240,
  cost: 0.0123,
  rates: [0, 30, 60],
  seconds: 3,
  first: { bins: [{ upto: 0.5, count: 2 }], p50: 0.5, p95: 0.5 },
  gaps: {
    bins: [
      { upto: 0.01, count: 3 },
      { upto: 0.02, count: 1 },
    ],
    p50: 0.008,
    p95: 0.02,
  },
};

function mounted(board: Board = BOARD) {
  const kernel = new FakeKernel();
  const interrupt = vi.fn(async () => {});
  Object.assign(kernel, { widget_manager: { kernel: { interrupt } } });
  const tell = (told: Board): void => {
    kernel.set("board", told as unknown as Json);
    vi.advanceTimersByTime(200);
  };
  tell(board);
  const alive = new AbortController();
  const shown = widget();
  shown.initialize({ model: kernel, signal: alive.signal });
  const el = document.createElement("div");
  document.body.append(el);
  shown.render({ el, signal: alive.signal });
  return { kernel, el, tell, interrupt, alive };
}

function rows(el: HTMLElement): string[][] {
  return [...el.querySelectorAll("tbody tr")].map((row) =>
    [...row.querySelectorAll("th, td:not(.sc-board-stop)")].map((cell) => cell.textContent ?? ""),
  );
}

function stops(el: HTMLElement): HTMLButtonElement[] {
  return [...el.querySelectorAll<HTMLButtonElement>("tbody button")].filter((one) => !one.hidden);
}

test("the parts of a dashboard have their names and say what there is", () => {
  const { el } = mounted();
  const named = (role: string) => el.querySelector(`[role=${role}]`)?.getAttribute("aria-label");
  expect(named("region")).toBe("streamcell");
  expect(named("status")).toBe("Stream status");
  expect(el.querySelector("[role=status]")?.textContent).toBe("1 running, 1 done");
  expect(el.querySelector(".sc-board-totals")?.textContent).toBe("240 tokens · $0.01 so far");
  expect(rows(el)).toEqual([
    ["Streaming", "m2", "500 ms", "60", "120", "2.5 s", "—"],
    ["Done", "m1 (scripted demo)", "500 ms", "60", "120", "2.5 s", "—"],
  ]);
  expect([...el.querySelectorAll("figcaption")].map((words) => words.textContent)).toEqual([
    "60 now, at most 60, over 3.0 s",
    "half within 500 ms, 95 % within 500 ms; up to 500 ms",
    "half within 8 ms, 95 % within 20 ms; columns ≤ 10 ms … ≤ 20 ms",
  ]);
});

test("only what runs can be stopped, and each stop names its own run", () => {
  const { el, kernel, tell } = mounted({ ...BOARD, runs: [run(3, "waiting"), ...(BOARD.runs ?? [])] });
  expect(stops(el)).toHaveLength(2);
  const [first] = stops(el);
  expect(document.getElementById(first?.getAttribute("aria-describedby") ?? "")?.textContent).toBe("m3");
  first?.click();
  expect(kernel.heard.at(-1)).toEqual({ type: "stop", run: "3" });
  vi.advanceTimersByTime(200);
  expect(rows(el)[0]?.[0]).toBe("Stopping");
  tell({ ...BOARD, runs: [run(3, "stopped"), ...(BOARD.runs ?? [])] });
  expect(rows(el)[0]?.[0]).toBe("Stopped");
  expect(stops(el)).toHaveLength(1);
});

test("stop all stops every run that goes", () => {
  const { el, kernel } = mounted({
    ...BOARD,
    running: 2,
    runs: [run(3, "waiting"), ...(BOARD.runs ?? [])],
  });
  [...el.querySelectorAll("button")].find((one) => one.textContent === "Stop all")?.click();
  expect(kernel.heard.slice(1)).toEqual([
    { type: "stop", run: "3" },
    { type: "stop", run: "2" },
  ]);
});

test("a kernel that hears nothing is interrupted only when its cell waits for that very run", () => {
  const waited = { ...BOARD, runs: [run(3, "streaming", { waited: true }), run(2, "streaming")] };
  const { el, interrupt } = mounted(waited);
  stops(el)[1]?.click();
  vi.advanceTimersByTime(5000);
  expect(interrupt).not.toHaveBeenCalled();
  stops(el)[0]?.click();
  vi.advanceTimersByTime(5000);
  expect(interrupt).toHaveBeenCalledTimes(1);
});

test("a kernel that has heard is not interrupted", () => {
  const { el, kernel, interrupt } = mounted({ ...BOARD, runs: [run(3, "streaming", { waited: true })] });
  stops(el)[0]?.click();
  kernel.deliver({ type: "stopping", run: "3" });
  vi.advanceTimersByTime(5000);
  expect(interrupt).not.toHaveBeenCalled();
});

test("a row keeps its button, and so the focus, while others come", () => {
  const { el, tell } = mounted();
  const [stop] = stops(el);
  stop?.focus();
  tell({ ...BOARD, runs: [run(3, "waiting"), run(2, "streaming"), run(1, "done")] });
  expect(document.activeElement).toBe(stop);
  expect(rows(el).map((row) => row[1])).toEqual(["m3", "m2", "m1"]);
  tell({ ...BOARD, running: 0, runs: [run(3, "done"), run(2, "done")] });
  expect(rows(el).map((row) => row[1])).toEqual(["m3", "m2"]);
  expect(el.contains(document.activeElement)).toBe(true);
});

test("names of models are text", () => {
  const { el } = mounted({ runs: [run(1, "done", { model: "<img src=x onerror=alert(1)>" })], done: 1 });
  expect(el.querySelector("img")).toBeNull();
  expect(rows(el)[0]?.[1]).toBe("<img src=x onerror=alert(1)>");
});

test("what is no board changes nothing", () => {
  const { el, tell } = mounted();
  const before = el.textContent;
  tell({ runs: [null] } as unknown as Board);
  tell(null as unknown as Board);
  expect(el.textContent).toBe(before);
});
