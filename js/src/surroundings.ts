/** What the messages of a chat's view are given by it. */

import type { ChatLine } from "./chat_line.js";

/** A part of the view that is drawn when its turn comes. */
export interface Drawn {
  draw(): void;
}

export interface Surroundings {
  readonly line: ChatLine;
  /** The model picked for the next answer; empty: the conversation's own. */
  readonly picked: string;
  /** True when something can be asked: the kernel is there, and nothing is answered or under way. */
  readonly free: boolean;
  /** Asks for the part to be drawn soon. */
  redraw(part: Drawn): void;
  /** True while the question of a turn is written anew: then there is no other box to write in. */
  editing(begun: boolean): void;
}
