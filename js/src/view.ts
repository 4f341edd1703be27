/** The widget that shows one answer: the entry the loader hands over to. One call per model, any number of views. */

import { Channel } from "./channel.js";
import { button, copy, element } from "./dom.js";
import { Frames } from "./frames.js";
import type { Model } from "./host.js";
import { Meters } from "./meters.js";
import { supply } from "./parts.js";
import type { Json } from "./protocol.gen.js";
import { listen } from "./renderer.js";
import { restoreLater } from "./restore.js";
import { isOver } from "./state.js";
import { style } from "./styles.js";
import { answer } from "./tool.js";
import { Turn } from "./turn.js";

export interface Opened {
  readonly model: Model;
  readonly signal: AbortSignal;
  /** Messages that came before the module was there. */
  readonly early?: readonly Json[];
}

export interface Rendered {
  readonly el: HTMLElement;
  readonly signal: AbortSignal;
}

export interface Widget {
  initialize(opened: Opened): void;
  render(rendered: Rendered): void;
}

export default function widget(): Widget {
  let channel: Channel | null = null;
  return {
    initialize({ model, signal, early = [] }) {
      channel = new Channel(model, signal, early);
      supply(model, signal);
      restoreLater(model, channel, signal);
    },
    render({ el, signal }) {
      if (channel) show(channel, el, signal);
    },
  };
}

function show(channel: Channel, el: HTMLElement, signal: AbortSignal): void {
  const view = new View(channel, signal);
  el.replaceChildren(view.node);
  channel.attach(signal);
  channel.watch(() => view.request(), signal);
  view.draw();
}

class View {
  readonly node = element("section", "sc-view");
  readonly #channel: Channel;
  readonly #frames: Frames;
  readonly #meters: Meters;
  readonly #missing = element(
    "p",
    "sc-note",
    "Part of this answer did not reach the page. Run the cell again.",
  );
  readonly #stop = button("Stop", "sc-stop");
  readonly #copy = button("Copy", "sc-copy");
  #turn: Turn;
  #run: HTMLElement;
  #shown: Channel["run"];

  constructor(channel: Channel, signal: AbortSignal) {
    this.#channel = channel;
    this.#shown = channel.run;
    this.#turn = new Turn(channel.decisions);
    this.#run = this.#turn.node;
    this.#frames = new Frames(() => this.draw(), signal);
    this.#meters = new Meters(signal);
    this.#build();
    this.#listen(signal);
  }

  request(): void {
    this.#frames.request();
  }

  /** Brings the page in line with the run, and tells the kernel how far it is. */
  draw(): void {
    const { run, stopping, incomplete } = this.#channel;
    style(this.node);
    if (run !== this.#shown) this.#restart();
    this.#turn.update(run);
    const over = isOver(run.state);
    this.#meters.update(run, ...(stopping && !over ? ["Stopping"] : []));
    this.#stop.hidden = over;
    this.#stop.disabled = stopping;
    this.#copy.hidden = run.characters === 0;
    this.#missing.hidden = !incomplete;
    this.node.setAttribute("aria-busy", String(!over));
    if (run.next > 0) this.#channel.painted(run.next);
  }

  /** Another run, or the same one told again from its beginning. */
  #restart(): void {
    this.#shown = this.#channel.run;
    this.#turn = new Turn(this.#channel.decisions);
    this.#run.replaceWith(this.#turn.node);
    this.#run = this.#turn.node;
  }

  #build(): void {
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "streamcell");
    this.node.tabIndex = -1;
    // JupyterLab's single-key shortcuts would otherwise take Enter and Escape from the buttons.
    this.node.dataset["lmSuppressShortcuts"] = "true";
    const bar = element("div", "sc-bar");
    bar.append(this.#meters.node, this.#copy, this.#stop);
    this.#missing.hidden = true;
    const log = element("div", "sc-log");
    log.setAttribute("role", "log");
    // A live log would be read out again with every token.
    log.setAttribute("aria-live", "off");
    log.append(this.#run, this.#missing);
    this.node.append(log, bar);
  }

  #listen(signal: AbortSignal): void {
    listen(this.node, signal);
    this.node.addEventListener("click", ({ target }) => answer(target), { signal });
    this.#stop.addEventListener("click", () => this.#channel.stop(), { signal });
    this.#copy.addEventListener("click", () => void copy(Turn.markdown(this.#channel.run), this.#copy), {
      signal,
    });
    this.node.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" || isOver(this.#channel.run.state)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#channel.stop();
  }
}
