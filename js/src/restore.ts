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
  const check = (): void => {
    if (timer || !isOver(channel.run.state)) return;
    timer = window.setTimeout(() => channel.shown && channel.sync(), PATIENCE);
  };
  const replace = (): void => void replaceOutputs(model);
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
