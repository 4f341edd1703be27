/**
 * A reloaded page keeps showing the live view after the run's end, for the kernel's replacement was for a page that is
 * gone. Such a view asks for the static output and puts it in its own place, so that this is what gets saved.
 */

import type { Channel } from "./channel.js";
import { places, type Model } from "./host.js";
import { isOver } from "./state.js";

/** In an ordinary end the kernel replaces the view well within this time. */
const PATIENCE = 1500;

export function restoreLater(model: Model, channel: Channel, signal: AbortSignal): void {
  let timer = 0;
  const replace = (): void => void replaceOutputs(model);
  const ask = (): void => {
    // Without a view there is nothing to replace; the next one that comes arms the timer again.
    if (!channel.shown) return void (timer = 0);
    // An earlier page may have asked before: then it is here already, and asking changes nothing.
    replace();
    channel.sync();
  };
  const check = (): void => {
    if (timer || !isOver(channel.run.state)) return;
    timer = window.setTimeout(ask, PATIENCE);
  };
  model.on("change:static", replace);
  channel.watch(check, signal);
  signal.addEventListener("abort", () => {
    model.off("change:static", replace);
    clearTimeout(timer);
  });
  check();
}

async function replaceOutputs(model: Model): Promise<void> {
  const bundle = model.get("static");
  if (typeof bundle !== "object" || bundle === null || !("text/plain" in bundle)) return;
  const data = { "text/html": bundle["text/html"] ?? "", "text/plain": bundle["text/plain"] ?? "" };
  for await (const { output } of places(model)) output.setData({ data });
}
