import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeChat } from "../src/fake_chat.js";
import { script } from "../src/script.js";
import {
  articles,
  ask,
  boxOf,
  button,
  buttonsOf,
  chatOf,
  heard,
  HELLO,
  key,
  mounted,
  press,
  wait,
  write,
} from "./chats.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

const FAILED = {
  type: "finished",
  reason: "error",
  error: { kind: "server", message: "It broke." },
} as const;

test("the parts of a chat have their names", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  chat.play(HELLO);
  wait();
  const named = (role: string) => el.querySelector(`[role=${role}]`)?.getAttribute("aria-label");
  expect(named("region")).toBe("streamcell");
  expect(named("status")).toBe("Stream status");
  expect(el.querySelectorAll("[role=log] article")).toHaveLength(2);
  expect(boxOf(el).getAttribute("aria-label")).toBe("Message");
  expect(articles(el)).toEqual(["User message: Hi", "Assistant message: Hello you."]);
});

test("every action is there without hovering, and no two of one name in one message", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  chat.play(script());
  wait();
  const [question, answer] = el.querySelectorAll("article");
  expect(question && buttonsOf(question)).toEqual(["Copy", "Edit", "Delete"]);
  expect(answer && buttonsOf(answer)).toEqual([
    "To new cell",
    "Copy code",
    "Load image",
    "Copy",
    "Regenerate",
    "Answer to variable",
  ]);
});

test("a question shows at once, and once only when the kernel has it", () => {
  const chat = chatOf();
  chat.listening = false;
  const { el } = mounted(chat);
  ask(el, "Hi");
  expect(articles(el)).toEqual(["User message: Hi"]);
  expect(boxOf(el).value).toBe("");
  chat.listening = true;
  wait(2000);
  expect(articles(el)).toEqual(["User message: Hi", "Assistant message: "]);
});

test("a lost question is sent again under the same token, and asked once", () => {
  const chat = chatOf();
  chat.listening = false;
  const { el } = mounted(chat);
  ask(el, "Hi");
  wait(2000);
  expect(el.textContent).toContain("has not answered yet");
  chat.listening = true;
  wait(60_000);
  const tokens = heard(chat, "send").map((message) => ("token" in message ? message.token : ""));
  expect(tokens.length).toBe(3);
  expect(new Set(tokens).size).toBe(1);
});

test("a question that is refused is back in the box, with the reason", () => {
  const chat = chatOf();
  chat.listening = false;
  const { el } = mounted(chat);
  ask(el, "Hi");
  const token = chat.heard.flatMap((message) => ("token" in message ? [message.token] : []))[0] ?? "";
  chat.deliver({ type: "said", text: "The budget is spent.", error: true, token });
  wait();
  expect(boxOf(el).value).toBe("Hi");
  expect(articles(el)).toEqual([]);
  expect(el.querySelector(".sc-said")?.textContent).toBe("The budget is spent.");
});

test("while an answer comes there is a stop button in the place of the send button", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  chat.play(HELLO.slice(0, 2));
  wait();
  expect(buttonsOf(el)).not.toContain("Send");
  write(boxOf(el), "and");
  key(boxOf(el), "Enter");
  expect(boxOf(el).value).toBe("and");
  press(el, "Stop");
  expect(heard(chat, "stop")).toHaveLength(1);
  expect(buttonsOf(el)).toContain("Send");
  expect(articles(el)[1]).toBe("Assistant message: Hello you.");
  expect(el.textContent).toContain("Stopped");
});

test("escape stops the answer from anywhere in the view", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  const first = el.querySelector("article") ?? el;
  key(first, "Escape");
  expect(heard(chat, "stop")).toHaveLength(1);
});

test("all views of a chat show the same, also one that comes later", () => {
  const chat = chatOf();
  const { views } = mounted(chat, 2);
  ask(views[0] ?? document.body, "Hi");
  chat.play(HELLO);
  wait();
  const late = mounted(chat).el;
  for (const el of [...views, late]) {
    expect(articles(el)).toEqual(["User message: Hi", "Assistant message: Hello you."]);
  }
});

test("an answer can be had anew, and the former one is a version of it", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  chat.play(HELLO);
  wait();
  const node = el.querySelector(".sc-exchange");
  press(el, "Regenerate");
  chat.play([
    { type: "text", text: "Again." },
    { type: "finished", reason: "stop" },
  ]);
  wait();
  expect(articles(el)).toEqual(["User message: Hi", "Assistant message: Again."]);
  expect(el.querySelector(".sc-place")?.textContent).toBe("2 of 2");
  button(el, "Previous version").focus();
  press(el, "Previous version");
  expect(articles(el)[1]).toBe("Assistant message: Hello you.");
  expect(el.querySelector(".sc-exchange")).toBe(node);
  expect(document.activeElement).toBe(button(el, "Next version"));
});

test("a question is written anew in its place, and there is one box to write in then", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  chat.play(HELLO);
  wait();
  key(boxOf(el), "ArrowUp");
  const box = el.querySelector<HTMLTextAreaElement>("article textarea");
  expect(document.activeElement).toBe(box);
  expect(box?.value).toBe("Hi");
  expect(el.querySelector(".sc-composer")?.getAttribute("aria-hidden")).toBe("true");
  if (box) write(box, "Hi there");
  if (box) key(box, "Enter");
  expect(heard(chat, "edit")).toMatchObject([{ text: "Hi there" }]);
  expect(articles(el)).toEqual(["User message: Hi there", "Assistant message: "]);
  expect(el.querySelector(".sc-composer")?.hasAttribute("aria-hidden")).toBe(false);
});

test("escape leaves a question as it was", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  wait();
  press(el, "Edit");
  const box = el.querySelector("article textarea");
  if (box) key(box, "Escape");
  expect(el.querySelector("article textarea")).toBeNull();
  expect(heard(chat, "edit")).toEqual([]);
  expect(document.activeElement).toBe(button(el, "Edit"));
});

test("a failed answer can be tried again, a cut one continued", () => {
  const { chat, el } = mounted();
  chat.past("Hi", [{ type: "text", text: "half" }, FAILED]);
  wait();
  expect(buttonsOf(el)).not.toContain("Regenerate");
  press(el, "Retry");
  expect(heard(chat, "regenerate")).toHaveLength(1);
  chat.play([{ type: "text", text: "half" }, FAILED]);
  wait();
  press(el, "Continue");
  expect(heard(chat, "resume")).toHaveLength(1);
});

test("two presses in a row ask once", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  wait();
  const again = button(el, "Regenerate");
  chat.listening = false;
  again.click();
  again.click();
  expect(heard(chat, "regenerate")).toHaveLength(1);
});

test("deleting and clearing take two presses", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  wait();
  press(el, "Delete");
  expect(heard(chat, "delete")).toEqual([]);
  press(el, "Delete this and all below?");
  expect(heard(chat, "delete")).toHaveLength(1);
  chat.past("Hi", HELLO);
  wait();
  press(el, "Clear");
  wait(5000);
  press(el, "Clear");
  expect(heard(chat, "clear")).toEqual([]);
  press(el, "Clear the whole chat?");
  expect(articles(el)).toEqual([]);
});

test("an answer goes into a variable by a name that can be one", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  wait();
  press(el, "Answer to variable");
  const box = el.querySelector<HTMLInputElement>("input.sc-name");
  if (!box) throw new Error("no box");
  write(box, "2x");
  key(box, "Enter");
  expect(heard(chat, "keep")).toEqual([]);
  expect(box.getAttribute("aria-invalid")).toBe("true");
  write(box, "größe");
  key(box, "Enter");
  expect(heard(chat, "keep")).toEqual([{ type: "keep", turn: expect.any(Number), name: "größe" }]);
  expect(el.querySelector(".sc-said")?.textContent).toBe("The answer is in größe now.");
});

test("the picked model answers next, also when an answer is had anew", () => {
  const { chat, el } = mounted(chatOf({ models: ["demo:markdown", "demo:tools"] }));
  const picker = el.querySelector("select") ?? document.createElement("select");
  expect(picker.getAttribute("aria-label")).toBe("Model");
  picker.value = "demo:tools";
  ask(el, "Hi");
  expect(heard(chat, "send")).toMatchObject([{ model: "demo:tools" }]);
  chat.play(HELLO);
  wait();
  press(el, "Regenerate");
  expect(heard(chat, "regenerate")).toMatchObject([{ model: "demo:tools" }]);
});

test("suggestions are there until something is asked", () => {
  const { chat, el } = mounted(chatOf({ suggestions: ["What is DNA?"] }));
  press(el, "What is DNA?");
  expect(heard(chat, "send")).toMatchObject([{ text: "What is DNA?" }]);
  expect(buttonsOf(el)).not.toContain("What is DNA?");
});

test("consent to a call goes to the run that asks", () => {
  const { chat, el } = mounted();
  ask(el, "Remove it");
  const call = { id: "c", name: "remove" };
  chat.play([
    { type: "tool_call", part: 0, ...call, arguments: { path: "x" } },
    { type: "approval_request", ...call, digest: "d" },
  ]);
  wait();
  press(el, "Approve");
  expect(heard(chat, "decide")).toMatchObject([{ run: "run-2", id: "c", digest: "d", approved: true }]);
});

test("totals of the whole conversation stand in the bar", () => {
  const totals = { turns: 2, input_tokens: 10, output_tokens: 1200, cost: 0.5 };
  const { el } = mounted(chatOf({ totals }));
  expect(el.querySelector(".sc-totals")?.textContent).toBe("In all: 2 turns · 1,210 tokens · $0.50");
});

test("a text of the user's is never markup", () => {
  const { el } = mounted();
  ask(el, "<img src=x onerror=alert(1)> **not bold**");
  expect(el.querySelector("article img, article strong")).toBeNull();
  expect(articles(el)[0]).toBe("User message: <img src=x onerror=alert(1)> **not bold**");
});

test("keys that are typed do not reach the host, keys with Ctrl do", () => {
  const { el } = mounted();
  const reached = vi.fn();
  el.addEventListener("keydown", reached);
  key(boxOf(el), "a");
  expect(reached).not.toHaveBeenCalled();
  key(boxOf(el), "s", { ctrlKey: true });
  expect(reached).toHaveBeenCalledTimes(1);
  expect(el.querySelector<HTMLElement>("[role=region]")?.dataset["lmSuppressShortcuts"]).toBe("true");
});

test("only what is near is asked for, however long the conversation", () => {
  const seen = new Map<Element, IntersectionObserverCallback>();
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(private readonly told: IntersectionObserverCallback) {}
      observe(target: Element) {
        seen.set(target, this.told);
      }
      unobserve(target: Element) {
        seen.delete(target);
      }
      disconnect() {}
    },
  );
  const chat = chatOf();
  for (let turn = 0; turn < 200; turn += 1) chat.past(`Question ${turn}`, HELLO);
  const { el } = mounted(chat);
  expect(el.querySelectorAll("article")).toHaveLength(400);
  const before = heard(chat, "sync").length;
  expect(before).toBeLessThan(10);
  const first = el.querySelector(".sc-exchange");
  const entry = { target: first, isIntersecting: true };
  if (first) seen.get(first)?.([entry as IntersectionObserverEntry], {} as IntersectionObserver);
  wait();
  expect(heard(chat, "sync")).toHaveLength(before + 1);
  expect(articles(el)[1]).toBe("Assistant message: Hello you.");
  vi.unstubAllGlobals();
});

test("batches that are lost on the way of one answer are asked for again", () => {
  const { chat, el } = mounted();
  ask(el, "Hi");
  const deliver = vi.spyOn(chat, "emit").mockImplementation(() => {});
  chat.play(HELLO);
  deliver.mockRestore();
  chat.publish();
  wait(2000);
  expect(articles(el)[1]).toBe("Assistant message: Hello you.");
});

function closeLine(chat: FakeChat): void {
  chat.traits({ bundle_ref: "code" });
  Object.assign(chat, { widget_manager: { get_model: async () => ({ comm_live: false, get: () => null }) } });
  chat.emit("comm_live_update");
}

test("without a kernel the view says so, gives back what was not heard and takes nothing more", async () => {
  const chat = chatOf();
  const { el } = mounted(chat);
  chat.past("Hi", HELLO);
  await vi.advanceTimersByTimeAsync(100);
  chat.listening = false;
  ask(el, "and then?");
  closeLine(chat);
  await vi.advanceTimersByTimeAsync(100);
  expect(el.textContent).toContain("This chat is not live");
  expect(boxOf(el).disabled).toBe(true);
  expect(boxOf(el).value).toBe("and then?");
  expect(articles(el)).toEqual(["User message: Hi", "Assistant message: Hello you."]);
});

test("a view that never had a kernel leaves its place to the static twin", async () => {
  const chat = chatOf();
  chat.past("Hi", HELLO);
  chat.listening = false;
  closeLine(chat);
  const area = document.createElement("div");
  const outputs = ["jp-RenderedHTML", "widget"].map((kind) => {
    const output = Object.assign(document.createElement("div"), { className: "jp-OutputArea-child" });
    output.append(Object.assign(document.createElement("div"), { className: kind }));
    area.append(output);
    return output;
  });
  document.body.append(area);
  const { el } = mounted(chat);
  outputs[1]?.append(el);
  await vi.advanceTimersByTimeAsync(100);
  expect(outputs[0]?.style.display).toBe("");
  expect(el.querySelector<HTMLElement>("[role=log]")?.hidden).toBe(true);
  expect(el.textContent).toContain("This chat is not live");
});

test("an answer is read out by sentences, and an old one is not", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  wait(5000);
  const spoken = el.querySelector("[aria-live=polite]");
  expect(spoken?.textContent).toBe("");
  ask(el, "More");
  chat.play([{ type: "text", text: "One is **here**. Two is on its w" }]);
  wait(2000);
  expect(spoken?.textContent).toBe("One is here.");
  chat.play([
    { type: "text", text: "ay." },
    { type: "finished", reason: "stop" },
  ]);
  wait(3000);
  expect(spoken?.textContent).toBe("Two is on its way.");
  expect(el.querySelector("[role=log]")?.getAttribute("aria-live")).toBe("off");
});

/** A chat on a page that shows it in a cell, behind an output with this text. */
function withTwin(chat: FakeChat, text: string) {
  const twin = { data: { "text/html": text, "text/plain": text }, setData: vi.fn() };
  twin.setData.mockImplementation(({ data }) => void (twin.data = data));
  const shows = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } } };
  const cells = [{ outputs: { length: 2, get: (index: number) => (index === 0 ? twin : shows) } }];
  Object.assign(chat, { widget_manager: { context: { model: { cells } }, get_model: async () => chat } });
  return twin;
}

test("a page opened later puts what lasts of the chat in its place, and asks again when that misses a turn", async () => {
  const chat = chatOf();
  chat.past("Hi", HELLO);
  const twin = withTwin(chat, "Only a part");
  const { el } = mounted(chat);
  await vi.advanceTimersByTimeAsync(2000);
  expect(twin.data).toEqual({ "text/html": "<p>All of it</p>", "text/plain": "All of it" });
  ask(el, "More");
  await vi.advanceTimersByTimeAsync(2000);
  expect(heard(chat, "need_lasting")).toHaveLength(1);
  chat.play(HELLO);
  await vi.advanceTimersByTimeAsync(2000);
  expect(heard(chat, "need_lasting")).toHaveLength(2);
  expect(twin.setData).toHaveBeenCalledTimes(1);
});

test("a page that the kernel's updates reach asks for nothing", async () => {
  const chat = chatOf();
  const twin = withTwin(chat, "Nothing yet");
  const { el } = mounted(chat);
  await vi.advanceTimersByTimeAsync(2000);
  ask(el, "Hi");
  chat.play(HELLO);
  twin.data = { "text/html": "Hello you.", "text/plain": "Hello you." };
  await vi.advanceTimersByTimeAsync(2000);
  expect(heard(chat, "need_lasting")).toHaveLength(0);
});

test("code goes into a new cell below the chat's", async () => {
  const { chat, el } = mounted();
  chat.past("Hi", script());
  wait();
  const insertCell = vi.fn();
  const shows = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } } };
  const cells = [{}, { outputs: { length: 1, get: () => shows } }, {}];
  const context = { model: { cells, sharedModel: { insertCell } } };
  Object.assign(chat, { widget_manager: { context, get_model: async () => chat } });
  press(el, "To new cell");
  await vi.advanceTimersByTimeAsync(100);
  expect(insertCell).toHaveBeenCalledWith(2, {
    cell_type: "code",
    source: expect.stringContaining("from streamcell import stream"),
  });
});

test("where no cell can be added the code is copied", async () => {
  const { chat, el } = mounted();
  chat.past("Hi", script());
  wait();
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  press(el, "To new cell");
  await vi.advanceTimersByTimeAsync(100);
  expect(writeText).toHaveBeenCalledWith(expect.stringContaining("from streamcell import stream"));
  expect(el.querySelector(".sc-said")?.textContent).toContain("copied");
  vi.unstubAllGlobals();
});

test("what a kernel of another version sends is left alone", () => {
  const { chat, el } = mounted();
  chat.past("Hi", HELLO);
  chat.emit("msg:custom", { type: "said" });
  chat.emit("msg:custom", "nonsense");
  chat.emit("msg:custom", { type: "completions", prefix: "", names: 3 });
  expect(articles(el)).toHaveLength(2);
});

test("a chat is silent once it is closed", () => {
  const chat: FakeChat = chatOf();
  const { closed } = mounted(chat);
  chat.past("Hi", HELLO);
  wait();
  closed.abort();
  const before = chat.heard.length;
  chat.play([{ type: "text", text: "late" }]);
  wait(60_000);
  expect(chat.heard).toHaveLength(before);
});
