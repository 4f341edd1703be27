// The page at `/`: the notebook's chat over this server's routes. The token, if one is needed, is typed by the
// user and kept for this tab only.

import widget from "./chat.js";
import { ChatModel } from "./chat_model.js";
import { Server } from "./server.js";

const KEPT = "streamcell.token";

const door = document.querySelector("#door");
const token = document.querySelector("#token");
const word = document.querySelector("#word");
const server = new Server(() => sessionStorage.getItem(KEPT) ?? "");

async function open() {
  const answer = await server.models();
  door.hidden = answer.status !== 401;
  if (answer.ok) return show(await answer.json());
  word.textContent = sessionStorage.getItem(KEPT) ? "This token does not open the server." : "";
  if (door.hidden) throw new Error(`the server answered ${answer.status}`);
  token.focus();
}

function show({ data }) {
  const alive = new AbortController();
  const model = new ChatModel(
    server,
    data.map(({ id }) => id),
  );
  const chat = widget();
  const el = document.querySelector("#chat");
  chat.initialize({ model, signal: alive.signal });
  chat.render({ el, signal: alive.signal });
  el.querySelector("textarea").placeholder = "Ask something";
}

door.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEPT, token.value.trim());
  token.value = "";
  void open();
});

await open();
