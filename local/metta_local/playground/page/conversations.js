/** The list of conversations, newest first, and the sample conversations that can be played. */

import { attribute, h, keyed, say, shown } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, post } from "./post.js";
import { NEW, select, state } from "./state.js";
import { STATUSES, channelIcon, channelName } from "./words.js";

const byId = (id) => document.getElementById(id);

let shownLast = null;
const NARROW = window.matchMedia("(max-width: 1279px)");

/** Let the buttons of the rail work; `onSelect` runs after the reader chose a conversation. */
export function setUpConversations(onSelect) {
  byId("new-conversation").addEventListener("click", () => {
    select(NEW);
    onSelect();
    byId("message")?.focus();
  });
  const fold = () => {
    byId("rail-list").open = !NARROW.matches;
  };
  NARROW.addEventListener("change", fold);
  fold();
  byId("conversations").addEventListener("click", (event) => {
    const row = event.target.closest("button[data-id]");
    if (!row) return;
    select(Number(row.dataset.id));
    if (NARROW.matches) fold();
    onSelect();
  });
  byId("scenes-form").addEventListener("submit", (event) => {
    event.preventDefault();
    play({});
  });
  byId("scene-list").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-name]");
    if (button) play({ names: [button.dataset.name] });
  });
}

function play(body) {
  return attempt(byId("scenes-form"), async () => {
    const { conversations } = await post("/api/scenes", body);
    byId("scenes").hidePopover();
    if (conversations?.length) select(conversations[0].conversation_id);
  });
}

/** Draw the list; only rows whose facts changed are touched. */
export function drawConversations() {
  const all = [...state.conversations.values()].sort((one, other) => other.id - one.id);
  const moved = shownLast !== state.selected;
  shownLast = state.selected;
  const working = new Set();
  for (const turn of state.turns.values()) if (turn.state === "working") working.add(turn.conversation_id);
  say(byId("conversation-count"), String(all.length));
  shown(byId("no-conversations"), all.length === 0);
  keyed(byId("conversations"), all, {
    key: (one) => one.id,
    sign: (one) => JSON.stringify(facts(one, working)),
    make: (one) => refresh(h("li", {}, h("button.row", { type: "button", "data-id": one.id })), facts(one, working)),
    update: (row, one) => refresh(row, facts(one, working)),
  });
  if (moved) byId("conversations").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function facts(one, working) {
  const last = [...one.messages].reverse().find((message) => message.from !== "system" && !message.private);
  return {
    id: one.id,
    current: one.id === state.selected,
    title: one.name || one.customer?.name || `Conversation ${one.id}`,
    who: one.name ? one.customer?.name : null,
    channel: one.channel,
    status: one.status,
    busy: working.has(one.id),
    last: (last?.text || last?.attachments?.[0]?.name || "").slice(0, 80),
  };
}

function refresh(row, seen) {
  const button = row.firstChild;
  attribute(button, "aria-current", seen.current ? "true" : null);
  const status = STATUSES[seen.status]?.[0] ?? seen.status;
  button.replaceChildren(
    icon(channelIcon(seen.channel)),
    h("span.unseen", {}, `${channelName(seen.channel, state.hello)}: `),
    h("bdi.row-title", {}, seen.title),
    h("span.row-number", {}, `#${seen.id}`),
    h("span.row-last", { dir: "auto" }, seen.last || "…"),
    h("span.pill", { "data-status": seen.busy ? "busy" : seen.status }, seen.busy ? "Working" : status),
  );
  return row;
}

/** Draw what can be played. */
export function drawScenes() {
  const scenes = state.hello?.scenes ?? [];
  byId("new-conversation").disabled = state.hello?.writable === false;
  byId("scenes-button").disabled = !state.hello?.writable || scenes.length === 0;
  keyed(byId("scene-list"), scenes, {
    key: (scene) => scene.name,
    make: (scene) =>
      h(
        "li",
        {},
        h("div", {}, h("strong", {}, scene.name), h("span", {}, scene.shows)),
        h(
          "button",
          { type: "button", "data-name": scene.name, "aria-label": `Play ${scene.name}` },
          icon("play"),
          "Play",
        ),
      ),
  });
}
