/**
 * Mounts views with a fake kernel and a scripted run, to look at them and to test them without Jupyter.
 * `?theme=light|dark&views=2&interval=16&pause=120` (the event to pause after) sets what is shown.
 */

import { FakeKernel } from "./fake.js";
import type { Event } from "./protocol.gen.js";
import { script } from "./script.js";
import { stateAfter } from "./state.js";
import widget from "./view.js";

export { FakeKernel, script };

/** Mounts `count` views of one model in the container. */
export function mount(container: HTMLElement, kernel: FakeKernel, count = 1): AbortController {
  const alive = new AbortController();
  const shown = widget();
  shown.initialize({ model: kernel, signal: alive.signal });
  for (let index = 0; index < count; index += 1) {
    const el = document.createElement("div");
    container.append(el);
    shown.render({ el, signal: alive.signal });
  }
  return alive;
}

/** Feeds the events to the kernel's page, one an interval, up to event number `pause`. */
export function play(kernel: FakeKernel, events: readonly Event[], interval: number, pause = Infinity): void {
  const started = performance.now();
  const due = [...events.slice(0, pause)];
  const ticking = setInterval(() => {
    const event = due.shift();
    if (!event || kernel.state === "stopped") return clearInterval(ticking);
    kernel.append(event);
    kernel.state = stateAfter(event, kernel.state);
    kernel.deliver(kernel.flush((performance.now() - started) / 1000));
    if (event.type === "finished") kernel.snapshot();
  }, interval);
}

const asked = new URLSearchParams(location.search);
const theme = asked.get("theme");
if (theme) document.documentElement.dataset["theme"] = theme;
const views = document.getElementById("views");
if (views) {
  const kernel = new FakeKernel();
  mount(views, kernel, Number(asked.get("views") ?? 1));
  play(kernel, script(), Number(asked.get("interval") ?? 16), Number(asked.get("pause") ?? Infinity));
}
