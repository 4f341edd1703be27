// A view ties more listeners to its signal than Node expects of a server.
import { setMaxListeners } from "node:events";

setMaxListeners(0);
