/** The line below the messages: how the current answer goes, what the whole conversation took, and the way to clear it. */

import type { Channel } from "./channel.js";
import type { ChatLine } from "./chat_line.js";
import { element, setText } from "./dom.js";
import { Meters } from "./meters.js";
import type { Thread, ViewState } from "./protocol.gen.js";
import { newRun, type Run } from "./state.js";
import { sureButton } from "./sure_button.js";
import { totalsLine } from "./totals.js";

export class ChatBar {
  readonly node = element("div", "sc-bar sc-chat-bar");
  readonly #meters: Meters;
  readonly #totals = element("span", "sc-totals");
  readonly #clear: HTMLButtonElement;
  /** What is shown as long as nothing was asked. */
  readonly #idle: Run = { ...newRun(""), state: "done" };

  constructor(clear: () => void, signal: AbortSignal) {
    this.#meters = new Meters(signal);
    this.#clear = sureButton("Clear", "Clear the whole chat?", clear);
    this.node.append(this.#meters.node, this.#totals, this.#clear);
  }

  update(line: ChatLine, channel: Channel | null, free: boolean): void {
    const { running, thread } = line;
    const run = channel?.run ?? this.#ready(thread);
    const [word, state] = wordFor(line, channel);
    this.#meters.update(run, ...(word ? [word] : []));
    if (state) this.#meters.node.dataset["state"] = state;
    const known = (thread.show_metrics ?? true) && (running !== null || run.figures.elapsed > 0);
    this.node.dataset["metrics"] = known ? "on" : "off";
    this.#totals.hidden = !(thread.show_metrics ?? true);
    setText(this.#totals, totalsLine(thread.totals ?? {}));
    this.#clear.hidden = thread.turns.length === 0;
    this.#clear.disabled = !free;
  }

  #ready({ model, scripted = false }: Thread): Run {
    this.#idle.model = model;
    this.#idle.scripted = scripted;
    return this.#idle;
  }
}

/** The word that stands in place of the answer's state, and the state that gives it its colour, if there is one. */
function wordFor({ live, requests, running }: ChatLine, channel: Channel | null): [string, ViewState | ""] {
  if (!live) return ["Not live", "stopped"];
  if (requests.pending.length > 0) return ["Sending", "waiting"];
  if (!channel) return ["Ready", ""];
  return [running && channel.stopping ? "Stopping" : "", ""];
}
