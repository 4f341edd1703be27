/**
 * The turns of a thread, one under the other, keyed by their ids; another version of a turn, which has an id of its own,
 * takes the place of the one before it. Answers are asked for when somebody comes near them,
 * so that a long conversation costs no more than the part of it that is looked at.
 */

import { element } from "./dom.js";
import { Exchange } from "./exchange.js";
import type { ChatTurn } from "./protocol.gen.js";
import type { Surroundings } from "./surroundings.js";

/** The last turns are there at once. */
const AT_ONCE = 6;
/** How far around what is in sight counts as near. */
const NEAR = "800px 0px";

/** `scrollMargin` is for boxes that scroll inside the page; browsers that do not know it pass it by. */
type Options = IntersectionObserverInit & { scrollMargin: string };

export class ThreadList {
  readonly node = element("div", "sc-turns");
  readonly #around: Surroundings;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #far = new Map<Element, Exchange>();
  readonly #observer: IntersectionObserver | null = null;

  constructor(around: Surroundings, signal: AbortSignal) {
    this.#around = around;
    if (typeof IntersectionObserver !== "undefined") {
      const options: Options = { rootMargin: NEAR, scrollMargin: NEAR };
      this.#observer = new IntersectionObserver((seen) => this.#approach(seen), options);
    }
    signal.addEventListener("abort", () => this.#close());
  }

  /** Brings the page in line with the turns; what is there already keeps its node. */
  update(turns: readonly ChatTurn[]): void {
    const kept = this.#matched(turns);
    for (const exchange of this.#exchanges.values()) if (!kept.includes(exchange)) this.#remove(exchange);
    this.#exchanges.clear();
    let before: Element | null = this.node.firstElementChild;
    turns.forEach((turn, index) => {
      const exchange = kept[index] ?? this.#added(turn);
      this.#exchanges.set(turn.id, exchange);
      if (exchange.node === before) before = before.nextElementSibling;
      else this.node.insertBefore(exchange.node, before);
      exchange.update(turn);
      if (turns.length - index <= AT_ONCE) this.#open(exchange);
    });
  }

  /** For each turn what shows it now, or shows in its place a version that is not followed any more. */
  #matched(turns: readonly ChatTurn[]): readonly (Exchange | undefined)[] {
    const ids = new Set(turns.map(({ id }) => id));
    const places = [...this.#exchanges];
    return turns.map(({ id }, index) => {
      const [former, shown] = places[index] ?? [];
      return this.#exchanges.get(id) ?? (former !== undefined && !ids.has(former) ? shown : undefined);
    });
  }

  /** Lets the user write the last question anew; false when there is none. */
  editLast(): boolean {
    const last = [...this.#exchanges.values()].at(-1);
    last?.edit();
    return last !== undefined;
  }

  #added(turn: ChatTurn): Exchange {
    const exchange = new Exchange(turn, this.#around);
    this.#far.set(exchange.node, exchange);
    this.#observer?.observe(exchange.node);
    if (!this.#observer) this.#open(exchange);
    return exchange;
  }

  #approach(seen: readonly IntersectionObserverEntry[]): void {
    for (const { isIntersecting, target } of seen) {
      const exchange = this.#far.get(target);
      if (isIntersecting && exchange) this.#open(exchange);
    }
  }

  #open(exchange: Exchange): void {
    if (!this.#far.delete(exchange.node)) return;
    this.#observer?.unobserve(exchange.node);
    exchange.open();
  }

  #remove(exchange: Exchange): void {
    this.#far.delete(exchange.node);
    this.#observer?.unobserve(exchange.node);
    exchange.close();
  }

  #close(): void {
    this.#observer?.disconnect();
    for (const exchange of this.#exchanges.values()) exchange.close();
    this.#exchanges.clear();
  }
}
