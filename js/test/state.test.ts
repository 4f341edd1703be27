import { expect, test } from "vitest";
import type { Event } from "../src/protocol.gen.js";
import { newRun, reduce, type Run } from "../src/state.js";

function runOf(...events: Event[]): Run {
  return events.reduce(reduce, newRun("run"));
}

const started: Event = { type: "started", provider: "demo", model: "markdown" };

test("deltas of one part make one text", () => {
  const run = runOf(started, { type: "text", text: "Hel" }, { type: "text", text: "lo" });
  expect(run.items).toEqual([{ kind: "text", pieces: ["Hel", "lo"] }]);
});

test("characters are counted as code points, as the kernel counts them", () => {
  expect(runOf({ type: "text", text: "a\u{1f600}é" }).characters).toBe(3);
});

test("the same part number in a later turn is another text", () => {
  const run = runOf(started, { type: "text", text: "one" }, started, { type: "text", text: "two" });
  expect(run.items).toHaveLength(2);
});

test("a text that goes on after something else goes on in a new place", () => {
  const thinking: Event = { type: "reasoning", text: "hm" };
  const run = runOf(started, { type: "text", text: "a" }, thinking, { type: "text", text: "b" });
  expect(run.items.map((item) => item.kind)).toEqual(["text", "thinking", "text"]);
});

test("a tool call gathers its pieces, its whole and its result", () => {
  const run = runOf(
    started,
    { type: "tool_call_delta", part: 1, id: "c1", name: "add" },
    { type: "tool_call_delta", part: 1, arguments: '{"a":' },
    { type: "tool_call", part: 1, id: "c1", name: "add", arguments: { a: 1 } },
    { type: "tool_result", id: "c1", name: "add", content: "1", seconds: 0.5 },
  );
  expect(run.items).toHaveLength(1);
  expect(run.items[0]).toMatchObject({
    name: "add",
    whole: true,
    arguments: '{\n  "a": 1\n}',
    result: { content: "1" },
  });
});

test("arguments that are no object are shown as they came", () => {
  const run = runOf({ type: "tool_call", part: 0, id: "c", name: "f", raw_arguments: "{broken" });
  expect(run.items[0]).toMatchObject({ arguments: "{broken" });
});

test("a result without a call gets a card of its own", () => {
  const run = runOf({ type: "tool_result", id: "x", name: "lost", content: "?" });
  expect(run.items[0]).toMatchObject({ kind: "tool", name: "lost" });
});

test("an id that comes again in a later turn means the later call", () => {
  const call: Event = { type: "tool_call", part: 0, id: "0", name: "f", arguments: {} };
  const result = (content: string): Event => ({ type: "tool_result", id: "0", name: "f", content });
  const run = runOf(started, call, result("one"), started, call, result("two"));
  expect(run.items.map((item) => item.kind === "tool" && item.result?.content)).toEqual(["one", "two"]);
});

test("pieces of a refusal make one notice, other notices stand alone", () => {
  const run = runOf(
    { type: "notice", kind: "refusal", text: "I can" },
    { type: "notice", kind: "refusal", text: "not." },
    { type: "notice", kind: "dropped", text: "top_k was not sent" },
    { type: "notice", kind: "dropped", text: "seed was not sent" },
  );
  expect(run.items.map((item) => item.kind === "notice" && item.text)).toEqual([
    "I cannot.",
    "top_k was not sent",
    "seed was not sent",
  ]);
});

test("a retry is forgotten when the provider begins to answer", () => {
  const retrying: Event = {
    type: "retrying",
    attempt: 1,
    delay: 0.5,
    error: { kind: "overloaded", message: "busy" },
  };
  expect(runOf(retrying).retry?.attempt).toBe(1);
  expect(runOf(retrying, started).retry).toBeNull();
});

test("the state follows the events", () => {
  expect(runOf(started).state).toBe("waiting");
  expect(runOf(started, { type: "reasoning", text: "hm" }).state).toBe("thinking");
  expect(runOf(started, { type: "text", text: "a" }).state).toBe("streaming");
  const asked: Event = { type: "approval_request", id: "c", name: "f", digest: "d" };
  expect(runOf(started, asked).state).toBe("approval");
  expect(runOf(asked, { type: "approval_result", id: "c", name: "f", approved: true }).state).toBe("tool");
  const second: Event = { type: "approval_request", id: "d", name: "f", digest: "e" };
  const denied: Event = { type: "approval_result", id: "c", name: "f", approved: false };
  expect(runOf(asked, second, denied).state).toBe("approval");
  expect(runOf({ type: "finished", reason: "length" }).state).toBe("done");
  expect(runOf({ type: "finished", reason: "cancelled" }).state).toBe("stopped");
  expect(runOf({ type: "finished", reason: "truncated" }).state).toBe("failed");
});

test("an event of a newer kernel is passed by", () => {
  const unknown: Event = JSON.parse('{"type": "hologram"}');
  expect(runOf(started, unknown, { type: "text", text: "x" }).items).toHaveLength(1);
});
