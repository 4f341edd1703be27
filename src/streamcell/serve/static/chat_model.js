// What stands behind the chat on this page, in the place of a notebook's kernel: the thread, and its runs as far as
// they have come. It keeps to the protocol that the chat speaks with a kernel; anything that needs one is refused.

const NO_KERNEL = "Only a notebook can do that.";
const ENDS = { cancelled: "stopped", error: "failed", truncated: "failed" };

export class ChatModel {
  #server;
  #turns = [];
  #thread = {};
  #runs = new Map();
  #listeners = new Map();
  #seen = new Set();
  #count = 0;

  constructor(server, models) {
    this.#server = server;
    this.#thread = { model: models[0], models: models.length > 1 ? models : [] };
    this.#publish([]);
  }

  get(name) {
    return name === "thread" ? this.#thread : undefined;
  }

  on(event, listener) {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(listener));
  }

  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  send(message) {
    // A message that may have been lost comes again under its token.
    if (message.token && this.#seen.has(message.token)) return;
    if (message.token) this.#seen.add(message.token);
    switch (message.type) {
      case "send":
        return void this.#ask(message, message.text, this.#turns, []);
      case "edit":
        return this.#instead(message, message.text);
      case "regenerate":
        return this.#instead(message);
      case "switch":
        return this.#switch(message);
      case "delete":
        return this.#publish(this.#turns.slice(0, this.#indexOf(message.turn)));
      case "clear":
        return this.#publish([]);
      case "stop":
        this.#deliver({ type: "stopping", run: message.run });
        return void this.#server
          .stop(message.run)
          .catch(() => this.#say("The server did not hear the stop."));
      case "sync":
        return this.#tell(message.run, message.have);
      case "need_bundle":
        return void this.#bring(message.part);
      case "resume":
      case "keep":
        return this.#say(NO_KERNEL, message.token);
    }
  }

  /** Code of the page that this answer needs; without it the answer stays as it was written. */
  async #bring(part) {
    const source = await this.#server.part(part).catch(() => null);
    if (source !== null) this.#deliver({ type: "bundle", part, source });
  }

  /** The turn again, in the place of the one that is shown; that one stays as another version. */
  #instead(message, text) {
    const index = this.#indexOf(message.turn);
    const turn = this.#turns[index];
    if (turn) void this.#ask(message, text ?? turn.question, this.#turns.slice(0, index), turn.versions);
  }

  #switch({ turn, branch }) {
    const index = this.#indexOf(turn);
    const version = this.#turns[index]?.versions[branch];
    if (version) this.#publish(this.#turns.with(index, version));
  }

  async #ask(message, question, before, versions) {
    if (message.files?.length) return this.#say("This server takes no files.", message.token);
    const model = message.model || this.#thread.model;
    try {
      const answer = await this.#server.start(
        [...before.flatMap((turn) => this.#said(turn)), user(question)],
        model,
      );
      if (!answer.ok) return this.#say((await answer.json()).error.message, message.token);
      await this.#read(answer, { question, model, token: message.token, versions }, before);
    } catch (error) {
      this.#say(`The server cannot be reached: ${error.message}`, message.token);
    }
  }

  async #read(answer, asked, before) {
    const run = answer.headers.get("x-stream-id");
    const turn = {
      ...asked,
      id: (this.#count += 1),
      run,
      state: "waiting",
      next: 0,
      branch: asked.versions.length,
    };
    turn.versions.push(turn);
    const events = [];
    this.#runs.set(run, { events, begun: performance.now(), first: null, characters: 0 });
    this.#publish([...before, turn]);
    for await (const news of this.#server.events(run, answer)) {
      const first = events.length;
      events.push(...news);
      this.#measure(run, news);
      this.#tell(run, first);
    }
    turn.next = events.length;
    turn.state = ENDS[events.at(-1).reason] ?? "done";
    this.#publish(this.#turns);
  }

  /** The events of a run from `first` on. */
  #tell(run, first) {
    const known = this.#runs.get(run);
    if (!known) return;
    const { events, figures } = known;
    this.#deliver({ type: "batch", run, first, next: events.length, events: events.slice(first), figures });
  }

  #measure(run, news) {
    const known = this.#runs.get(run);
    const elapsed = (performance.now() - known.begun) / 1000;
    const texts = news.filter(({ type }) => type === "text" || type === "reasoning");
    if (texts.length > 0) known.first ??= elapsed;
    for (const { text } of texts) known.characters += text.length;
    const { characters, events, first } = known;
    known.figures = { elapsed, characters, chunks: events.length, time_to_first_token: first };
    const usage = events.findLast(({ type }) => type === "usage")?.usage;
    if (usage?.output_tokens) known.figures.tokens = usage.output_tokens;
  }

  /** What a turn adds to the next question. */
  #said({ question, run }) {
    const texts = this.#runs.get(run).events.filter(({ type }) => type === "text");
    const content = texts.map(({ text }) => text).join("");
    return content ? [user(question), { role: "assistant", content }] : [];
  }

  #publish(turns) {
    this.#turns = turns;
    const shown = turns.map(({ versions, ...turn }) => ({ ...turn, branches: versions.length }));
    this.#thread = { ...this.#thread, turns: shown };
    this.#emit("change:thread", null);
  }

  #say(text, token = "") {
    this.#deliver({ type: "said", text, error: true, token });
  }

  #deliver(message) {
    this.#emit("msg:custom", message);
  }

  #emit(event, content) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(content);
  }

  #indexOf(id) {
    return this.#turns.findIndex((turn) => turn.id === id);
  }
}

function user(content) {
  return { role: "user", content };
}
