/** Whether a kernel still stands behind a widget, as far as the host shows it; a host that shows nothing counts as live. */

import type { Model } from "./host.js";

/** Calls `changed` soon, and whenever lines to the kernel open or close. */
export function watchLiveness(model: Model, changed: (live: boolean) => void, signal: AbortSignal): void {
  const look = (): void => void setTimeout(() => void tell());
  const tell = async (): Promise<void> => {
    const live = await isLive(model);
    if (!signal.aborted) changed(live);
  };
  // Every model of a page is told when its line opens or closes, all of one kernel together.
  model.on("comm_live_update", look);
  signal.addEventListener("abort", () => model.off("comm_live_update", look));
  look();
}

/** A widget is not shown its own line, but that of the model that holds its code, which has the same kernel. */
async function isLive(model: Model): Promise<boolean> {
  const id = model.get("bundle_ref");
  try {
    const shared = typeof id === "string" && id ? await model.widget_manager?.get_model?.(id) : null;
    return shared?.comm_live ?? true;
  } catch {
    return true;
  }
}
