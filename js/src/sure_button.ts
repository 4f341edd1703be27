/** A button for what cannot be undone: the first press only asks, the second does it. */

import { button } from "./dom.js";

/** After this long without a second press it was not meant. */
const PATIENCE = 4000;

export function sureButton(name: string, question: string, act: () => void): HTMLButtonElement {
  const made = button(name, "sc-sure");
  let timer = 0;
  const calm = (): void => {
    clearTimeout(timer);
    timer = 0;
    made.textContent = name;
    delete made.dataset["asking"];
  };
  made.addEventListener("blur", calm);
  made.addEventListener("click", () => {
    const meant = timer > 0;
    calm();
    if (meant) return act();
    timer = window.setTimeout(calm, PATIENCE);
    made.textContent = question;
    made.dataset["asking"] = "true";
  });
  return made;
}
