/** The widget of all streams: the entry the loader hands over to. One call per model, any number of views. */

import { BoardLine } from "./board_line.js";
import { BoardView } from "./board_view.js";
import type { Widget } from "./view.js";

export default function widget(): Widget {
  let line: BoardLine | null = null;
  return {
    initialize({ model, signal, early = [] }) {
      line = new BoardLine(model, signal, early);
    },
    render({ el, signal }) {
      if (!line) return;
      const view = new BoardView(line, signal);
      el.replaceChildren(view.node);
      view.draw();
    },
  };
}
