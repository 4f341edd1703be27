/** The widget of a conversation: the entry the loader hands over to. One call per model, any number of views. */

import { ChatLine } from "./chat_line.js";
import { ChatView } from "./chat_view.js";
import { keepLasting } from "./lasting.js";
import { supply } from "./parts.js";
import type { Widget } from "./view.js";

export default function widget(): Widget {
  let line: ChatLine | null = null;
  return {
    initialize({ model, signal, early = [] }) {
      line = new ChatLine(model, signal, early);
      supply(model, signal);
      keepLasting(line, signal);
    },
    render({ el, signal }) {
      if (!line) return;
      const view = new ChatView(line, signal);
      el.replaceChildren(view.node);
      view.draw();
    },
  };
}
