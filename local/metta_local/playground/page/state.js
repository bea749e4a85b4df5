/** What the page knows: the newest state of everything that the stream told of, and what the reader has chosen. */

export const NEW = "new";
const REMEMBERED = "metta-conversation";

export const state = {
  connection: "connecting",
  hello: null,
  conversations: new Map(),
  turns: new Map(),
  skips: new Map(),
  worker: null,
  faults: [],
  queue: null,
  notices: [],
  /** Id of the conversation that is shown, or NEW for the form that starts one; null before anything is known. */
  selected: null,
  /** Key of the turn or skip that the reader chose; null follows the newest. */
  chosenEntry: null,
};

const MOST_NOTICES = 200;
const listeners = [];
const changed = new Set();
let stale = null;
let due = false;

/** Call `act(topics)` after changes, at most once per frame. */
export function subscribe(act) {
  listeners.push(act);
}

/** Note that something changed and draw soon; a hidden page gets no frames, so a clock stands in. */
export function touch(...topics) {
  topics.forEach((topic) => changed.add(topic));
  if (due) return;
  due = true;
  if (document.visibilityState === "visible") requestAnimationFrame(flush);
  else setTimeout(flush, 100);
}

function flush() {
  due = false;
  const topics = new Set(changed);
  changed.clear();
  listeners.forEach((act) => act(topics));
}

/** Take one event of the stream in. */
export function apply(name, data) {
  const take = TAKES[name];
  if (!take) return;
  take(data);
  touch(name);
}

const TAKES = {
  hello(data) {
    state.hello = data;
    // What the server does not tell of again is gone; the queue comes last of what follows a hello.
    stale = new Set(
      ["conversations", "turns", "skips"].flatMap((kind) => [...state[kind].keys()].map((id) => `${kind} ${id}`)),
    );
  },
  conversation: (data) => keep("conversations", data.id, data),
  turn: (data) => keep("turns", data.id, { ...data, seen_at: performance.now() }),
  skip: (data) => keep("skips", `${data.conversation_id}:${data.message_id}`, data),
  worker(data) {
    state.worker = data;
  },
  faults(data) {
    state.faults = data.faults ?? [];
  },
  queue(data) {
    state.queue = data;
    dropStale();
  },
  notice(data) {
    state.notices = [data, ...state.notices].slice(0, MOST_NOTICES);
  },
};

function keep(kind, id, data) {
  state[kind].set(id, data);
  stale?.delete(`${kind} ${id}`);
}

function dropStale() {
  if (!stale) return;
  for (const one of stale) {
    const [kind, id] = one.split(" ");
    state[kind].delete(kind === "conversations" ? Number(id) : id);
  }
  stale = null;
  if (state.selected !== null && state.selected !== NEW && !state.conversations.has(state.selected)) select(NEW);
  if (state.selected === null) select(remembered() ?? newest()?.id ?? NEW);
  touch("conversation", "turn", "skip");
}

/** Show a conversation, or the form for a new one. */
export function select(id) {
  if (state.selected === id) return;
  state.selected = id;
  state.chosenEntry = null;
  try {
    sessionStorage.setItem(REMEMBERED, id);
  } catch {
    // A browser that keeps nothing shows the newest after the page was loaded anew.
  }
  touch("selected");
}

/** What was shown before the page was loaded anew, if it is there still. */
function remembered() {
  try {
    const kept = sessionStorage.getItem(REMEMBERED);
    return kept === NEW || !state.conversations.has(Number(kept)) ? null : Number(kept);
  } catch {
    return null;
  }
}

/** Show a turn or a skip of the conversation; null follows the newest. */
export function choose(key) {
  state.chosenEntry = key;
  touch("chosen");
}

/** Set how the connection is. */
export function connection(kind) {
  if (state.connection === kind) return;
  state.connection = kind;
  touch("connection");
}

/** The conversation that is shown, or null. */
export function current() {
  return state.conversations.get(state.selected) ?? null;
}

/** The conversation that was started last, or null. */
export function newest() {
  return state.conversations.size ? state.conversations.get(Math.max(...state.conversations.keys())) : null;
}

/**
 * Turns of a conversation and messages that got none, in the order of their messages.
 * @returns {{key: string, turn?: object, skip?: object}[]}
 */
export function entries(conversationId) {
  const turns = [...state.turns.values()].filter((turn) => turn.conversation_id === conversationId);
  const skips = [...state.skips.values()].filter((skip) => skip.conversation_id === conversationId);
  const found = [
    ...turns.map((turn) => ({ key: turn.id, turn, at: Math.max(0, ...turn.messages.map((one) => one.message_id)) })),
    ...skips.map((skip) => ({ key: `skip ${skip.message_id}`, skip, at: skip.message_id })),
  ];
  return found.sort((one, other) => one.at - other.at || started(one) - started(other));
}

/** Whether a turn has ended; before that, what it holds of an ending is not yet true. */
export function over(turn) {
  return turn.state === "ended" || turn.state === "audited";
}

function started(entry) {
  return entry.turn ? Date.parse(entry.turn.started_at) || 0 : 0;
}

/** The entry that is shown on the right: the chosen one, else the newest. */
export function shownEntry() {
  const all = entries(state.selected);
  return all.find((entry) => entry.key === state.chosenEntry) ?? all.at(-1) ?? null;
}

/** The entry that a message belongs to: the turn that read it or sent it, or its skip. */
export function entryOf(message) {
  return entries(state.selected).find(
    ({ turn, skip }) =>
      skip?.message_id === message.id ||
      (turn && (turn.id === message.turn_id || turn.messages.some((one) => one.message_id === message.id))),
  );
}
