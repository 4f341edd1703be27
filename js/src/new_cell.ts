/** Code of an answer into a new cell below the chat's, where the front end lets a page do that. */

import { copy } from "./dom.js";
import { places, type Model } from "./host.js";

const UNABLE = "This front end adds no cells from a page: the code was copied instead.";

/** Inserts the cell; where that cannot be done the code is copied and `say` gets one line about it. */
export async function toNewCell(
  model: Model,
  code: string,
  pressed: HTMLButtonElement,
  say: (text: string) => void,
): Promise<void> {
  if (await inserted(model, code)) return say("The code is in a new cell below.");
  await copy(code, pressed);
  say(UNABLE);
}

async function inserted(model: Model, source: string): Promise<boolean> {
  const notebook = model.widget_manager?.context?.model?.sharedModel;
  if (!notebook?.insertCell) return false;
  for await (const { at } of places(model, "thread")) {
    try {
      notebook.insertCell(at + 1, { cell_type: "code", source });
      return true;
    } catch {
      // A notebook that may not be changed.
      return false;
    }
  }
  return false;
}
