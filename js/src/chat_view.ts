/** One view of a chat: its messages, the bar below them and the box for the next question. */

import { Announcer } from "./announcer.js";
import type { Channel } from "./channel.js";
import { ChatBar } from "./chat_bar.js";
import sheet from "./chat.css";
import type { ChatLine } from "./chat_line.js";
import { clean } from "./clean.js";
import { Composer } from "./composer.js";
import { element, focused, setText } from "./dom.js";
import { Follower } from "./follower.js";
import { Frames } from "./frames.js";
import { toNewCell } from "./new_cell.js";
import { Notice } from "./notice.js";
import { PendingQuestions } from "./pending_questions.js";
import type { SentFile, Thread } from "./protocol.gen.js";
import { listen } from "./renderer.js";
import { newToken } from "./requests.js";
import { style } from "./styles.js";
import { Suggestions } from "./suggestions.js";
import type { Drawn, Surroundings } from "./surroundings.js";
import { ThreadList } from "./thread.js";
import { answer } from "./tool.js";
import { Twin } from "./twin.js";

const DEAD = "This chat is not live: no kernel stands behind it. Run its cell again to go on.";
const LENGTH = /^\d+(?:\.\d+)?(?:px|em|rem|ch|vh|%)$/;

export class ChatView implements Surroundings {
  readonly node = element("section", "sc-view sc-chat");
  readonly line: ChatLine;
  readonly #frames: Frames;
  readonly #title = element("div", "sc-title");
  readonly #log = element("div", "sc-log sc-chat-log");
  readonly #thread: ThreadList;
  readonly #pending = new PendingQuestions();
  readonly #suggestions = new Suggestions((text) => {
    if (this.free) this.#send(text, []);
  });
  readonly #dead = element("p", "sc-note sc-dead", DEAD);
  readonly #bar: ChatBar;
  readonly #composer: Composer;
  readonly #announcer: Announcer;
  readonly #notice: Notice;
  readonly #follower: Follower;
  readonly #twin: Twin;
  readonly #changed = new Set<Drawn>();
  #shown: Thread | null = null;
  #freeShown = false;
  #liveShown = true;

  constructor(line: ChatLine, signal: AbortSignal) {
    this.line = line;
    this.#frames = new Frames(() => this.draw(), signal);
    this.#thread = new ThreadList(this, signal);
    this.#bar = new ChatBar(() => line.send({ type: "clear" }), signal);
    this.#announcer = new Announcer(signal);
    this.#notice = new Notice((text) => this.#announcer.say(text));
    this.#twin = new Twin(this.node, signal);
    this.#composer = this.#newComposer(signal);
    this.#follower = new Follower(this.#log, this.#composer.node, signal);
    this.#build();
    this.#listen(signal);
  }

  get picked(): string {
    return this.#composer.picked;
  }

  get free(): boolean {
    const { live, running, requests } = this.line;
    return live && !running && requests.pending.length === 0;
  }

  redraw(part: Drawn): void {
    this.#changed.add(part);
    this.#frames.request();
  }

  editing(begun: boolean): void {
    this.#composer.rest(begun);
  }

  /** Brings the page in line with the thread and with the answers that have grown. */
  draw(): void {
    style(this.node, sheet);
    const held = focused(this.node);
    const { live, requests, running, said, thread } = this.line;
    this.#drawThread(thread);
    this.#pending.update(requests);
    this.#drawFrame(thread);
    const channel = this.#current(thread);
    const stopping = running !== null && (channel?.stopping ?? false);
    const sending = requests.pending.length > 0;
    this.#bar.update(this.line, channel, this.free);
    this.#composer.update(thread, { running: running !== null, stopping, sending, live });
    this.#composer.offer(this.line.completions);
    this.#notice.hear(said);
    if (channel) this.#announcer.follow(channel.run);
    this.#drawTwin();
    this.#follower.follow(running !== null);
    if (held && this.node.contains(held)) this.#keepFocus(held);
  }

  #drawThread(thread: Thread): void {
    const { free } = this;
    const { live } = this.line;
    if (thread !== this.#shown || free !== this.#freeShown || live !== this.#liveShown) {
      this.#shown = thread;
      this.#freeShown = free;
      this.#liveShown = live;
      this.#thread.update(thread.turns);
    }
    for (const part of this.#changed) part.draw();
    this.#changed.clear();
  }

  #drawFrame({ height = "", suggestions = [], title = "", turns }: Thread): void {
    setText(this.#title, clean(title));
    this.#title.hidden = !title;
    this.#log.style.maxHeight = LENGTH.test(height) ? height : "";
    this.#log.tabIndex = LENGTH.test(height) ? 0 : -1;
    this.#suggestions.update(suggestions, turns.length === 0 && this.free);
    this.#dead.hidden = this.line.live;
    this.node.dataset["live"] = this.line.live ? "yes" : "no";
  }

  /** Without a kernel the answers are only in the static twin, so that is what is shown then. */
  #drawTwin(): void {
    const { live, wasLive } = this.line;
    this.#log.hidden = !live && !wasLive && this.#twin.exists;
    if (wasLive) this.#twin.hide();
  }

  /** What held the focus may be gone or unable to: then the box has it, so that no key is lost. */
  #keepFocus(held: HTMLElement): void {
    const now = focused(this.node);
    if (now && now !== held) return;
    const lost = held.closest("[hidden]") ?? held.matches(":disabled");
    if (lost) (this.line.live ? this.#composer.box : this.node).focus();
  }

  /** The channel of the last answer. */
  #current({ turns }: Thread): Channel | null {
    const last = turns.at(-1);
    return last?.run ? this.line.channel(last) : null;
  }

  #send(text: string, files: readonly SentFile[]): void {
    const giveBack = (): void => this.#composer.giveBack(text, files);
    this.#notice.say("");
    this.line.ask({ type: "send", token: newToken(), text, files, model: this.picked }, giveBack);
    this.#follower.jump();
  }

  #stop(): void {
    const { running } = this.line;
    if (running) this.line.channel(running).stop();
  }

  #newComposer(signal: AbortSignal): Composer {
    const wishes = {
      send: (text: string, files: readonly SentFile[]) => this.#send(text, files),
      stop: () => this.#stop(),
      editLast: () => this.free && this.#thread.editLast(),
      complete: (prefix: string) => this.line.send({ type: "complete", prefix }),
      say: (text: string) => this.#notice.say(text),
    };
    return new Composer(wishes, signal);
  }

  #build(): void {
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "streamcell");
    this.node.tabIndex = -1;
    // JupyterLab's single-key shortcuts would otherwise take what is typed here.
    this.node.dataset["lmSuppressShortcuts"] = "true";
    this.#log.setAttribute("role", "log");
    this.#log.setAttribute("aria-label", "Messages");
    // A live log would be read out again with every token; the announcer reads instead.
    this.#log.setAttribute("aria-live", "off");
    this.#log.append(this.#thread.node, this.#pending.node);
    this.node.append(this.#title, this.#log, this.#follower.node, this.#dead, this.#suggestions.node);
    this.node.append(this.#bar.node, this.#composer.node, this.#notice.node, this.#announcer.node);
  }

  #listen(signal: AbortSignal): void {
    const { line, node } = this;
    listen(node, signal);
    node.addEventListener("click", ({ target }) => this.#press(target), { signal });
    node.addEventListener("keydown", (event) => this.#key(event), { signal });
    node.addEventListener("dragover", (event) => this.#composer.invite(event), { signal });
    node.addEventListener("drop", (event) => this.#composer.take(event, event.dataTransfer), { signal });
    line.watch(() => this.#frames.request(), signal);
    this.#watchWidth(signal);
  }

  /** A view is drawn before it has its place in the page, and again when it gets there or its place gets wider. */
  #watchWidth(signal: AbortSignal): void {
    if (typeof ResizeObserver === "undefined") return;
    let width = 0;
    const observer = new ResizeObserver(([seen]) => {
      if (seen && seen.contentRect.width !== width) this.#frames.request();
      width = seen?.contentRect.width ?? width;
    });
    observer.observe(this.node);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  #press(target: EventTarget | null): void {
    answer(target);
    if (!(target instanceof HTMLButtonElement) || !target.matches(".sc-to-cell")) return;
    const code = target.closest(".sc-program")?.querySelector("code")?.textContent ?? "";
    void toNewCell(this.line.model, code.trimEnd(), target, (text) => this.#notice.say(text));
  }

  #key(event: KeyboardEvent): void {
    // Nothing that is typed here is meant for the host; what is held with Ctrl or Cmd is.
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    if (event.key !== "Escape" || !this.line.running) return;
    event.preventDefault();
    this.#stop();
  }
}
