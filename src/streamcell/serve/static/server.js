// The routes of the server as this page uses them. A stream that is cut is read on from where it was cut.

const TRIES = 6;
const LONGEST_WAIT = 8000;
const LOST = { kind: "connect", message: "The connection to the server was lost." };

export class Server {
  #token;

  /** `token` gives what opens the server now; empty where nothing is needed. */
  constructor(token) {
    this.#token = token;
  }

  models() {
    return this.#ask("v1/models");
  }

  /** The source of a part of the page. */
  async part(name) {
    const answer = await this.#ask(`page/${name}.js`);
    if (!answer.ok) throw new Error(`the server has no ${name}`);
    return answer.text();
  }

  /** The answer to a question; its body is for `events`. */
  start(messages, model) {
    const body = JSON.stringify({ messages, model });
    return this.#ask("v1/streams", { method: "POST", headers: { "content-type": "application/json" }, body });
  }

  stop(stream) {
    return this.#ask(place(stream), { method: "DELETE" });
  }

  /** All events of a stream, in lists as they come, whatever happens to the connection. The last is the end. */
  async *events(stream, answer) {
    let last = -1;
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        for await (const found of eventsIn(answer.body)) {
          const news = found.filter(({ id }) => id > last);
          if (news.length === 0) continue;
          last = news.at(-1).id;
          tries = 0;
          yield news.map(({ event }) => event);
          if (news.some(({ event }) => event.type === "finished")) return;
        }
      } catch {
        // Cut: what is missing is asked for below.
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** tries, LONGEST_WAIT)));
      answer = await this.#again(stream, last);
    }
    yield [{ type: "finished", reason: "error", error: LOST }];
  }

  async #again(stream, last) {
    try {
      const headers = last < 0 ? {} : { "last-event-id": String(last) };
      const answer = await this.#ask(place(stream), { headers });
      return answer.ok ? answer : {};
    } catch {
      return {};
    }
  }

  #ask(path, { headers = {}, ...rest } = {}) {
    const token = this.#token();
    const known = token ? { ...headers, authorization: `Bearer ${token}` } : headers;
    return fetch(path, { ...rest, headers: known, cache: "no-store", credentials: "omit" });
  }
}

function place(stream) {
  return `v1/streams/${encodeURIComponent(stream)}`;
}

/** The numbered events of a body, in lists as they come. */
async function* eventsIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    yield blocks.filter((block) => block.startsWith("id: ")).map(numbered);
  }
}

function numbered(block) {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  return { id: Number(fields.get("id")), event: JSON.parse(fields.get("data")) };
}
