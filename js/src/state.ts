/**
 * A run as the page knows it. One object per run, owned by the channel that feeds it; views only read, each with its
 * own cursor into the pieces, so that a long answer is never copied.
 */

import type {
  ApprovalRequest,
  ApprovalResult,
  Citation,
  ErrorInfo,
  Event,
  Figures,
  Finished,
  Format,
  Json,
  Notice,
  ToolCall,
  ToolResult,
  ViewState,
} from "./protocol.gen.js";

/** Text in the order it came; it only grows at the end. */
export interface TextItem {
  readonly kind: "text" | "thinking";
  readonly pieces: string[];
}

export interface ToolItem {
  readonly kind: "tool";
  readonly turn: number;
  id: string;
  name: string;
  /** The arguments' JSON as far as it has come. */
  arguments: string;
  /** True once the call is complete. */
  whole: boolean;
  request: ApprovalRequest | null;
  /** The answer to the request; null as long as there is none. */
  approved: boolean | null;
  result: ToolResult | null;
}

export interface NoticeItem {
  readonly kind: "notice";
  readonly notice: Notice["kind"];
  text: string;
}

export type Item = TextItem | ToolItem | NoticeItem;

export interface Retry {
  readonly attempt: number;
  readonly delay: number;
  readonly error: ErrorInfo;
}

export interface Run {
  readonly id: string;
  model: string;
  scripted: boolean;
  format: Format;
  state: ViewState;
  figures: Figures;
  /** Number of the next event: all before it are in here. */
  next: number;
  /** Length of the answer's text in code points, as the kernel counts it. */
  characters: number;
  readonly items: Item[];
  readonly citations: Citation[];
  retry: Retry | null;
  finished: Finished | null;
  /** Items that can still grow, by turn, kind and part. */
  readonly open: Map<string, Item>;
  turn: number;
}

export function newRun(id: string): Run {
  return {
    id,
    model: "",
    scripted: false,
    format: "markdown",
    state: "waiting",
    figures: { elapsed: 0 },
    next: 0,
    characters: 0,
    items: [],
    citations: [],
    retry: null,
    finished: null,
    open: new Map(),
    turn: 0,
  };
}

export function isOver(state: ViewState): boolean {
  return state === "done" || state === "stopped" || state === "failed";
}

/** What a run does after the event; the kernel counts it the same way. */
export function stateAfter(event: Event, before: ViewState): ViewState {
  switch (event.type) {
    case "text":
      return "streaming";
    case "reasoning":
      return "thinking";
    case "tool_call_delta":
    case "tool_call":
    case "approval_result":
      return "tool";
    case "approval_request":
      return "approval";
    case "retrying":
      return "retrying";
    case "finished":
      return endState(event);
    default:
      return before;
  }
}

function endState({ reason }: Finished): ViewState {
  if (reason === "cancelled") return "stopped";
  return reason === "error" || reason === "truncated" ? "failed" : "done";
}

/** Takes the next event into the run. */
export function reduce(run: Run, event: Event): Run {
  run.state = stateAfter(event, run.state);
  switch (event.type) {
    case "started":
      run.turn += 1;
      run.model = `${event.provider}:${event.model}`;
      run.scripted ||= event.scripted ?? false;
      run.retry = null;
      return run;
    case "text":
      run.characters += codePoints(event.text);
      textItem(run, "text", event.part).pieces.push(event.text);
      return run;
    case "reasoning":
      textItem(run, "thinking", event.part).pieces.push(event.text);
      return run;
    case "tool_call_delta": {
      const tool = toolItem(run, event.part);
      tool.id = event.id ?? tool.id;
      tool.name = event.name ?? tool.name;
      tool.arguments += event.arguments ?? "";
      return run;
    }
    case "tool_call": {
      const tool = toolItem(run, event.part);
      tool.id = event.id;
      tool.name = event.name;
      tool.arguments = argumentsOf(event);
      tool.whole = true;
      return run;
    }
    case "approval_request":
      askedTool(run, event).request = event;
      return run;
    case "approval_result":
      toolOf(run, event, isAsking).approved = event.approved;
      // Of several calls one was answered: another may ask still.
      if (run.items.some((item) => item.kind === "tool" && isAsking(item))) run.state = "approval";
      return run;
    case "tool_result":
      toolOf(run, event, isUnanswered).result = event;
      return run;
    case "citation":
      run.citations.push(event);
      return run;
    case "notice":
      noticeItem(run, event).text += event.text;
      return run;
    case "retrying":
      run.retry = event;
      return run;
    case "usage":
      return run;
    case "finished":
      run.finished = event;
      run.retry = null;
      return run;
    default:
      return unknownEvent(run, event);
  }
}

/** A newer kernel may say what this page does not know: it is passed by. */
function unknownEvent(run: Run, _event: never): Run {
  return run;
}

function textItem(run: Run, kind: TextItem["kind"], part = 0): TextItem {
  const key = `${run.turn} ${kind} ${part}`;
  const known = run.open.get(key);
  // Views close a text once something follows it, so a text that goes on later goes on in a new place.
  if (known?.kind === kind && known === run.items.at(-1)) return known;
  return added(run, key, { kind, pieces: [] });
}

function toolItem(run: Run, part: number): ToolItem {
  const key = `${run.turn} tool ${part}`;
  const known = run.open.get(key);
  if (known?.kind === "tool") return known;
  return added(run, key, newTool(run.turn, "", ""));
}

/** The call that an answer belongs to; one of its own when there was none. Ids may come again in a later turn. */
function toolOf(run: Run, { id, name }: ApprovalResult | ToolResult, fits: Fits): ToolItem {
  const called = calls(run, id);
  return called.find(fits) ?? called.at(-1) ?? added(run, `result ${id}`, newTool(run.turn, id, name));
}

/** The call that consent is asked for: nobody may be shown one call and agree to another. */
function askedTool(run: Run, { id, name }: ApprovalRequest): ToolItem {
  const here = calls(run, id).filter((tool) => tool.turn === run.turn && tool.name === name && tool.whole);
  return here.find(isUnasked) ?? added(run, `request ${id}`, newTool(run.turn, id, name));
}

function calls(run: Run, id: string): ToolItem[] {
  return run.items.filter((item): item is ToolItem => item.kind === "tool" && item.id === id);
}

type Fits = (tool: ToolItem) => boolean;
const isUnanswered: Fits = (tool) => !tool.result;
const isUnasked: Fits = (tool) => !tool.request && !tool.result;

/** True while consent is asked for and was neither given nor refused. */
export const isAsking: Fits = (tool) => tool.request !== null && tool.approved === null && !tool.result;

function newTool(turn: number, id: string, name: string): ToolItem {
  return {
    kind: "tool",
    turn,
    id,
    name,
    arguments: "",
    whole: false,
    request: null,
    approved: null,
    result: null,
  };
}

/** The arguments as they are run. A number that JavaScript would round is shown as it came. */
function argumentsOf({ arguments: given, raw_arguments: raw = "" }: ToolCall): string {
  if (!given) return raw;
  let rounded = false;
  const noting = (_key: string, value: Json): Json => {
    rounded ||= typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
    return value;
  };
  const text = JSON.stringify(given, noting, 2);
  return rounded && raw ? raw : text;
}

function noticeItem(run: Run, event: Notice): NoticeItem {
  const key = `${run.turn} ${event.kind} ${event.part ?? 0}`;
  const known = run.open.get(key);
  if (known?.kind === "notice" && event.kind === "refusal") return known;
  return added(run, key, { kind: "notice", notice: event.kind, text: "" });
}

function added<Kind extends Item>(run: Run, key: string, item: Kind): Kind {
  run.items.push(item);
  run.open.set(key, item);
  return item;
}

function codePoints(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0xdc00 && code <= 0xdfff) count -= 1;
  }
  return count;
}
