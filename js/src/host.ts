/** What a widget is given by its host, typed as far as it is used; everything past `send` is there only sometimes. */

import type { FromPage, Json, ToChat } from "./protocol.gen.js";

export type Listener = (content: Json) => void;

export interface Model {
  get(name: string): Json | undefined;
  on(event: string, listener: Listener): void;
  off(event: string, listener: Listener): void;
  send(content: FromPage | ToChat): void;
  widget_manager?: WidgetManager;
}

/** JupyterLab's and Notebook's widget manager. Its kernel and documents are not promised to anybody. */
export interface WidgetManager {
  get_model?(id: string): Promise<Pick<Model, "get"> & { comm_live?: boolean }>;
  kernel?: { interrupt?(): Promise<void> };
  context?: { model?: { cells?: Iterable<Cell>; sharedModel?: SharedNotebook } };
}

export interface SharedNotebook {
  insertCell?(index: number, cell: { cell_type: "code"; source: string }): void;
}

export interface Cell {
  executionState?: string;
  outputs?: { length: number; get(index: number): Output };
}

export interface Output {
  data: Readonly<Record<string, Json>>;
  setData(options: { data: Readonly<Record<string, Json>> }): void;
}

export interface Host {
  getModel?(reference: string): Promise<Pick<Model, "get">>;
}

const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";

interface Place {
  readonly cell: Cell;
  readonly output: Output;
  /** The cell's place in the notebook, counted from 0. */
  readonly at: number;
}

/** The cells of this notebook that show the model, each with the output that does; `trait` is one that the model has. */
export async function* places(model: Model, trait = "snapshot"): AsyncGenerator<Place> {
  let at = 0;
  for (const cell of model.widget_manager?.context?.model?.cells ?? []) {
    const outputs = cell.outputs;
    for (let index = 0; index < (outputs?.length ?? 0); index += 1) {
      const output = outputs?.get(index);
      if (output && (await showsModel(output, model, trait))) yield { cell, output, at };
    }
    at += 1;
  }
}

/** A widget does not know its own id, but two proxies of one model hand out the very same value. */
async function showsModel(output: Output, model: Model, trait: string): Promise<boolean> {
  const view = output.data[WIDGET_VIEW];
  if (typeof view !== "object" || view === null || !("model_id" in view)) return false;
  try {
    const shown = await model.widget_manager?.get_model?.(String(view["model_id"]));
    return shown?.get(trait) === model.get(trait);
  } catch {
    return false;
  }
}

/**
 * Interrupts the kernel: for a kernel that hears no message while a cell runs. Whatever runs is interrupted, so not
 * when the host says that it is not our cell.
 */
export async function interrupt(model: Model): Promise<void> {
  for await (const { cell } of places(model)) {
    if (cell.executionState !== undefined && cell.executionState !== "running") return;
  }
  await interruptNow(model);
}

/** The same, for a widget that stands elsewhere than in the cell that runs. */
export async function interruptNow(model: Model): Promise<void> {
  await model.widget_manager?.kernel?.interrupt?.();
}
