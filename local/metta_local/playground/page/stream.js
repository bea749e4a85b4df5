/** Listens to the stack. The browser connects again by itself; after each hello everything comes whole. */

import { apply, connection, state, touch } from "./state.js";

const EVENTS = ["hello", "conversation", "turn", "skip", "worker", "faults", "queue", "notice"];
const TRIES_BEFORE_STOPPED = 3;
const AGAIN_MS = 4000;
const HIDDEN_MS = 60_000;

let source = null;
let misses = 0;
let leaving = null;

/** Connect, or try again. */
export function listen() {
  source?.close();
  if (state.connection !== "live") connection("connecting");
  source = new EventSource("/events");
  for (const name of EVENTS) {
    source.addEventListener(name, (event) => {
      misses = 0;
      connection("live");
      apply(name, JSON.parse(event.data));
    });
  }
  source.addEventListener("bye", ended);
  source.addEventListener("error", lost);
}

/** A page that nobody looks at lets go of its stream: a browser keeps but six connections to one address. */
export function restWhileHidden() {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.visibilityState === "hidden") leaving = setTimeout(() => source.close(), HIDDEN_MS);
    else if (source.readyState === EventSource.CLOSED && state.connection !== "stopped") listen();
  });
}

/** The stack said that it stops: asking again would only fill the browser's log. */
function ended() {
  source.close();
  interrupted();
  connection("stopped");
}

function lost() {
  if (state.worker?.state === "stopped") {
    ended();
    return;
  }
  misses += 1;
  connection(misses < TRIES_BEFORE_STOPPED ? "lost" : "stopped");
  // A refusal closes the source for good; only a broken connection is tried again by the browser.
  if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
}

/** Nobody knows any more whether the worker runs. */
function interrupted() {
  if (state.worker) state.worker = { ...state.worker, state: "stopped" };
  touch("worker");
}
