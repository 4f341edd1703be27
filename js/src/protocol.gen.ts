// Printed by `python -m streamcell.core.typescript`; edit `core/protocol.py` or `events.py` instead.

/** What kernel and page say to each other about one view. */

export const PROTOCOL = 1;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type ErrorKind = "connect" | "tls" | "timeout_connect" | "timeout_first" | "timeout_idle" | "timeout_total" | "auth" | "permission" | "not_found" | "bad_request" | "too_large" | "rate_limit" | "overloaded" | "server" | "conflict" | "payment" | "protocol" | "truncated" | "provider" | "limit" | "backpressure" | "redirect" | "tool" | "usage" | "cancelled";

export type Format = "markdown" | "text" | "code" | "json" | "table";

export type Part = "maths" | "highlight";

export type StopReason = "stop" | "length" | "tool_calls" | "filter" | "refusal" | "cancelled" | "truncated" | "error" | "unknown";

export type ViewState = "waiting" | "thinking" | "streaming" | "tool" | "approval" | "retrying" | "done" | "stopped" | "failed";

/** Page to kernel, at most twice a second: everything before `painted` is on the screen. */
export interface Ack {
  readonly type: "ack";
  readonly run: string;
  readonly painted: number;
}

/** The run waits for the user's consent to the call with this id. */
export interface ApprovalRequest {
  readonly type: "approval_request";
  readonly id: string;
  readonly name: string;
  readonly digest: string;
}

/** The consent was given or refused. */
export interface ApprovalResult {
  readonly type: "approval_result";
  readonly id: string;
  readonly name: string;
  readonly approved: boolean;
}

/** A file that goes with a question; `size` in bytes. */
export interface Attached {
  readonly name: string;
  readonly media_type: string;
  readonly size?: number;
}

/** Kernel to page: the events `first <= n < next` of `run`, joined. */
export interface Batch {
  readonly type: "batch";
  readonly run: string;
  readonly first: number;
  readonly next: number;
  readonly events: readonly Event[];
  readonly state?: ViewState | null;
  readonly figures?: Figures | null;
}

/** How many times lie at or below `upto` seconds, and above the bin before. */
export interface Bin {
  readonly upto: number;
  readonly count: number;
}

/** All of it: the newest runs first, totals of all runs of the process, and the charts. */
export interface Board {
  readonly runs?: readonly BoardRun[];
  readonly more?: number;
  readonly running?: number;
  readonly done?: number;
  readonly stopped?: number;
  readonly failed?: number;
  readonly tokens?: number;
  readonly cost?: number | null;
  readonly rates?: readonly number[];
  readonly seconds?: number;
  readonly first?: Spread;
  readonly gaps?: Spread;
}

/** One run of the table. */
export interface BoardRun {
  readonly run: string;
  readonly model: string;
  readonly state: ViewState;
  readonly figures: Figures;
  readonly scripted?: boolean;
  readonly replayed?: boolean;
  readonly waited?: boolean;
}

/** Kernel to page: the source of the widgets' module, for a page that cannot reach the shared copy. */
export interface Bundle {
  readonly type: "bundle";
  readonly version: string;
  readonly source: string;
  readonly part?: Part | null;
}

/** What the whole conversation took; None where nobody knows. Cost in US dollars. */
export interface ChatTotals {
  readonly turns?: number;
  readonly input_tokens?: number | null;
  readonly output_tokens?: number | null;
  readonly cost?: number | null;
}

/** A question, and which run answers it; `run` is empty while nobody was asked. */
export interface ChatTurn {
  readonly id: number;
  readonly question: string;
  readonly run?: string;
  readonly model?: string;
  readonly state?: ViewState;
  readonly attached?: readonly Attached[];
  readonly branch?: number;
  readonly branches?: number;
  readonly next?: number;
  readonly continues?: boolean;
  readonly characters?: number | null;
  readonly token?: string;
}

/** A source the answer names; `quote` is the cited passage. */
export interface Citation {
  readonly type: "citation";
  readonly url?: string | null;
  readonly title?: string | null;
  readonly quote?: string | null;
  readonly part?: number;
}

/** Page to kernel: begin afresh. */
export interface Clear {
  readonly type: "clear";
}

/** Page to kernel: the names of the variables that begin so, please. */
export interface Complete {
  readonly type: "complete";
  readonly prefix: string;
}

/** Kernel to page: names of variables, with what each would insert, in one line. */
export interface Completions {
  readonly type: "completions";
  readonly prefix: string;
  readonly names: readonly string[];
  readonly hints: readonly string[];
}

/** Page to kernel: the user consents to a call, or does not. */
export interface Decide {
  readonly type: "decide";
  readonly run: string;
  readonly id: string;
  readonly digest: string;
  readonly approved: boolean;
  readonly always?: boolean;
}

/** Page to kernel: forget this turn and what follows on it. */
export interface Delete {
  readonly type: "delete";
  readonly turn: number;
}

/** Page to kernel: ask turn `turn` in other words; the old wording stays as a branch. */
export interface Edit {
  readonly type: "edit";
  readonly token: string;
  readonly turn: number;
  readonly text: string;
}

/** What went wrong, in a form that travels; `errors.from_info` makes the exception of it. */
export interface ErrorInfo {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly retryable?: boolean;
  readonly status?: number | null;
  readonly code?: string | null;
  readonly retry_after?: number | null;
  readonly request_id?: string | null;
}

/** The status bar: seconds, tokens per second, US dollars; None (absent) where unknown. */
export interface Figures {
  readonly elapsed: number;
  readonly chunks?: number;
  readonly characters?: number;
  readonly time_to_first_token?: number | null;
  readonly tokens?: number | null;
  readonly tokens_estimated?: boolean;
  readonly tokens_per_second?: number | null;
  readonly cost?: number | null;
  readonly stalls?: number;
  readonly retries?: number;
}

/** The end of a run (or, from a decoder, of one model turn). `stop` is the provider's own word. */
export interface Finished {
  readonly type: "finished";
  readonly reason: StopReason;
  readonly error?: ErrorInfo | null;
  readonly stop?: string | null;
}

/** Page to kernel: the live view was replaced by the static output; the widget may be closed. */
export interface Gone {
  readonly type: "gone";
  readonly run: string;
}

/** Page to kernel: put the answer of this turn into a variable of the notebook. */
export interface Keep {
  readonly type: "keep";
  readonly turn: number;
  readonly name: string;
}

/** Kernel to page: what lasts of the chat without a kernel, as inert HTML and as text. */
export interface Lasting {
  readonly type: "lasting";
  readonly html: string;
  readonly text: string;
}

/** Page to kernel: send the widgets' module, or with `part` that part of the page's code. */
export interface NeedBundle {
  readonly type: "need_bundle";
  readonly version: string;
  readonly part?: Part | null;
}

/** Page to kernel: what lasts of the chat, please; the output that holds it has missed a change. */
export interface NeedLasting {
  readonly type: "need_lasting";
}

/** Something said beside the answer: a piece of a refusal, a verdict, a thing we could not translate. */
export interface Notice {
  readonly type: "notice";
  readonly kind: "continued" | "dropped" | "fallback" | "moderation" | "refusal";
  readonly text: string;
  readonly part?: number;
}

/** A piece of the model's visible thinking; `signature` must be handed back unchanged in a later turn. */
export interface ReasoningDelta {
  readonly type: "reasoning";
  readonly text: string;
  readonly part?: number;
  readonly signature?: string | null;
}

/** Page to kernel: answer turn `turn` anew, by another model if one is named; the old answer stays. */
export interface Regenerate {
  readonly type: "regenerate";
  readonly token: string;
  readonly turn: number;
  readonly model?: string;
}

/** Page to kernel: go on where the answer of this turn was cut. */
export interface Resume {
  readonly type: "resume";
  readonly token: string;
  readonly turn: number;
}

/** An attempt failed before any content; the next begins after `delay` seconds. */
export interface Retrying {
  readonly type: "retrying";
  readonly attempt: number;
  readonly delay: number;
  readonly error: ErrorInfo;
}

/** Kernel to page: one line for the user: why something was not done, or that it was. */
export interface Said {
  readonly type: "said";
  readonly text: string;
  readonly error?: boolean;
  readonly token?: string;
}

/** Page to kernel: ask this. `token` names the message, so that one that comes twice is asked once. */
export interface Send {
  readonly type: "send";
  readonly token: string;
  readonly text: string;
  readonly files?: readonly SentFile[];
  readonly model?: string;
}

/** A pasted or dropped file; `data` is base64. */
export interface SentFile {
  readonly name: string;
  readonly media_type: string;
  readonly data: string;
}

/** The synced trait: enough for a page that missed everything to know what to ask for. */
export interface Snapshot {
  readonly run: string;
  readonly next: number;
  readonly state: ViewState;
  readonly model: string;
  readonly figures: Figures;
  readonly characters?: number;
  readonly scripted?: boolean;
  readonly format?: Format;
}

/** How times spread: neighbouring bins without empty ones at the ends, and two quantiles. */
export interface Spread {
  readonly bins?: readonly Bin[];
  readonly p50?: number | null;
  readonly p95?: number | null;
}

/** The provider has begun to answer. */
export interface Started {
  readonly type: "started";
  readonly provider: string;
  readonly model: string;
  readonly request_id?: string | null;
  readonly scripted?: boolean;
  readonly streamed?: boolean;
}

/** Page to kernel: the user wants this run to end. */
export interface Stop {
  readonly type: "stop";
  readonly run: string;
}

/** Kernel to page: the stop was heard (the page then does not interrupt the kernel). */
export interface Stopping {
  readonly type: "stopping";
  readonly run: string;
}

/** Page to kernel: show version `branch` of turn `turn`. */
export interface Switch {
  readonly type: "switch";
  readonly turn: number;
  readonly branch: number;
}

/** Page to kernel: send the events from number `have` on. */
export interface Sync {
  readonly type: "sync";
  readonly run: string;
  readonly have: number;
}

/** A piece of the answer's text. */
export interface TextDelta {
  readonly type: "text";
  readonly text: string;
  readonly part?: number;
}

/** The synced trait of a chat. */
export interface Thread {
  readonly turns: readonly ChatTurn[];
  readonly model: string;
  readonly models?: readonly string[];
  readonly title?: string;
  readonly suggestions?: readonly string[];
  readonly totals?: ChatTotals;
  readonly scripted?: boolean;
  readonly show_metrics?: boolean;
  readonly height?: string;
}

/** A whole tool call; `arguments` is None when `raw_arguments` is no JSON object. */
export interface ToolCall {
  readonly type: "tool_call";
  readonly part: number;
  readonly id: string;
  readonly name: string;
  readonly arguments?: { readonly [key: string]: Json } | null;
  readonly raw_arguments?: string;
  readonly server?: boolean;
}

/** A piece of a tool call: its name as soon as it is known, then pieces of the arguments' JSON. */
export interface ToolCallDelta {
  readonly type: "tool_call_delta";
  readonly part: number;
  readonly id?: string | null;
  readonly name?: string | null;
  readonly arguments?: string;
  readonly server?: boolean;
}

/** What a tool answered; `seconds` is how long it ran and `printed` what it printed, when we ran it. */
export interface ToolResult {
  readonly type: "tool_result";
  readonly id: string;
  readonly name: string;
  readonly content: string;
  readonly error?: boolean;
  readonly server?: boolean;
  readonly seconds?: number | null;
  readonly printed?: string;
}

/** Token counts of one answer; None where the provider did not say (never an invented zero). */
export interface Usage {
  readonly input_tokens?: number | null;
  readonly output_tokens?: number | null;
  readonly reasoning_tokens?: number | null;
  readonly cached_tokens?: number | null;
  readonly raw?: { readonly [key: string]: Json } | null;
}

/** The usage known so far; a later report replaces an earlier one of the same turn. */
export interface UsageReport {
  readonly type: "usage";
  readonly usage: Usage;
}

export type Event = Started | TextDelta | ReasoningDelta | ToolCallDelta | ToolCall | ApprovalRequest | ApprovalResult | ToolResult | Citation | Notice | Retrying | UsageReport | Finished;

export type FromChat = Completions | Lasting | Said;

export type FromKernel = Batch | Stopping | Bundle;

export type FromPage = Sync | Ack | Stop | Decide | Gone | NeedBundle;

export type ToChat = Send | Edit | Regenerate | Resume | Switch | Delete | Clear | Keep | Complete | NeedLasting;
