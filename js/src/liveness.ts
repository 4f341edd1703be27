/** Whether a kernel still stands behind a view, as far as the host shows it; a host that shows nothing counts as live. */

import type { Model } from "./host.js";

/** What ipywidgets puts on a view whose line to the kernel is closed. */
const DISCONNECTED = ".jupyter-widgets-disconnected";

/** Calls `changed` soon, and whenever the line opens or closes. */
export function watchLiveness(
  model: Model,
  view: HTMLElement,
  changed: (live: boolean) => void,
  signal: AbortSignal,
): void {
  // The host marks the view after this event, not before.
  const look = (): void => void setTimeout(() => signal.aborted || changed(!view.closest(DISCONNECTED)));
  model.on("comm_live_update", look);
  signal.addEventListener("abort", () => model.off("comm_live_update", look));
  look();
}
