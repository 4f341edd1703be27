/**
 * What lasts of a chat, on a page that did not see it displayed: the kernel's updates of that output pass such a page
 * by. It notices, asks for what it missed and puts it into the output itself, so that this is what gets saved.
 */

import type { ChatLine } from "./chat_line.js";
import { places, type Model, type Output } from "./host.js";
import type { Lasting, Thread } from "./protocol.gen.js";

/** In an ordinary page the kernel's update is there well within this time. */
const PATIENCE = 1500;

export function keepLasting(line: ChatLine, signal: AbortSignal): void {
  const known = new WeakMap<Output, unknown>();
  let settled: Thread | null = null;
  let written: Lasting | null = null;
  let missing = false;
  let timer = 0;
  const look = async (): Promise<void> => {
    let stale = false;
    for (const output of await twins(line.model)) {
      const text = output.data["text/plain"];
      stale ||= missing || known.get(output) === text;
      known.set(output, text);
    }
    missing = false;
    if (stale && !signal.aborted) line.send({ type: "need_lasting" });
  };
  const check = (): void => {
    if (line.lasting && line.lasting !== written) void write(line.model, (written = line.lasting), known);
    if (line.running || !line.live || line.thread === settled) return;
    // What a page finds when it is opened may be older than what the kernel knows.
    missing ||= settled === null && line.thread.turns.length > 0;
    settled = line.thread;
    clearTimeout(timer);
    timer = window.setTimeout(() => void look(), PATIENCE);
  };
  line.watch(check, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  check();
}

async function write(model: Model, { html, text }: Lasting, known: WeakMap<Output, unknown>): Promise<void> {
  const data = { "text/html": html, "text/plain": text };
  for (const output of await twins(model)) {
    if (output.data["text/plain"] !== text || output.data["text/html"] !== html) output.setData({ data });
    known.set(output, text);
  }
}

/** The outputs right before those that show the model; one that does not hold inert HTML is somebody else's. */
async function twins(model: Model): Promise<readonly Output[]> {
  const found: Output[] = [];
  for await (const { cell, output } of places(model, "thread")) {
    for (let index = 1; index < (cell.outputs?.length ?? 0); index += 1) {
      const before = cell.outputs?.get(index - 1);
      if (cell.outputs?.get(index) === output && before && "text/html" in before.data) found.push(before);
    }
  }
  return found;
}
