/** The renderer the widgets use, for a page of one's own: text in, elements out. */

import { copy } from "./dom.js";
import { loadImage } from "./images.js";
import { Frames } from "./frames.js";
import { Markdown } from "./markdown.js";

export interface Renderer {
  /** Takes a piece of Markdown, cut anywhere; it is drawn on one of the next frames. */
  append(text: string): void;
  /** Draws everything, at once and complete. */
  end(): void;
  /** Stops drawing and listening; what is drawn stays. */
  destroy(): void;
}

/** A renderer that has the container to itself. */
export function create(container: HTMLElement): Renderer {
  const alive = new AbortController();
  container.replaceChildren();
  const markdown = new Markdown(container);
  const frames = new Frames(() => markdown.draw(), alive.signal);
  listen(container, alive.signal);
  return {
    append(text) {
      markdown.append(text);
      frames.request();
    },
    end() {
      frames.cancel();
      markdown.end();
    },
    destroy() {
      alive.abort();
    },
  };
}

/** One listener for all buttons inside rendered text. */
export function listen(container: HTMLElement, signal: AbortSignal): void {
  container.addEventListener(
    "click",
    (event) => {
      const pressed = event.target instanceof Element ? event.target.closest("button") : null;
      if (pressed?.classList.contains("sc-load-image")) loadImage(pressed);
      if (pressed?.classList.contains("sc-copy-code")) {
        const code = pressed.closest(".sc-program")?.querySelector("code");
        void copy(code?.textContent ?? "", pressed);
      }
    },
    { signal },
  );
}
