/** The customer's side: the conversation as the customer sees it. */

import { drawThread, toStart } from "./thread.js";
import { fill, h, shown } from "./dom.js";
import { icon } from "./icons.js";
import { NEW, current, state } from "./state.js";
import { LEVELS, channelIcon, channelName } from "./words.js";

const byId = (id) => document.getElementById(id);
let drawnWho = "";

/** Draw the chat of the conversation that is shown. */
export function drawChat() {
  const conversation = current();
  shown(byId("setup"), !conversation && state.hello?.writable !== false);
  shown(byId("who"), Boolean(conversation));
  drawWho(conversation);
  const place = byId("thread");
  if (conversation) {
    if (place.dataset.of === NEW) fill(place);
    drawThread(place, conversation, seenByCustomer(conversation.messages), {
      mine: ["customer"],
      why: null,
      folded: "chat",
    });
  } else drawWelcome(place, state.hello?.writable !== false);
}

function drawWelcome(place, writable) {
  if (place.dataset.of === NEW && place.dataset.writable === String(writable)) return;
  Object.assign(place.dataset, { of: NEW, writable });
  fill(place, welcome(writable));
  toStart(place);
}

/** What a customer gets to see: no private note, no activity line. */
export function seenByCustomer(messages) {
  return messages.filter((message) => !message.private && message.from !== "system");
}

function drawWho(conversation) {
  const [level, meaning] = LEVELS[conversation?.identity_hint] ?? [];
  const channel = channelName(conversation?.channel, state.hello);
  const signature = JSON.stringify([conversation?.id, conversation?.customer, channel, level]);
  if (signature === drawnWho) return;
  drawnWho = signature;
  fill(
    byId("phone-head"),
    h("span.avatar", { "aria-hidden": "true" }, icon("chat")),
    h("p", {}, h("strong", {}, "The shop"), h("span", {}, conversation ? `on ${channel}` : "answers with Metta")),
  );
  if (!conversation) return;
  const { name, email, phone } = conversation.customer ?? {};
  fill(
    byId("who"),
    h(
      "p.who-line",
      {},
      icon(channelIcon(conversation.channel)),
      h("bdi.who-name", {}, name || "Somebody"),
      h("span", {}, channel),
    ),
    h("p.who-facts", {}, ...[email, phone].filter(Boolean).map((fact) => h("bdi", {}, fact))),
    level &&
      h(
        "details.explained",
        {},
        h("summary", {}, h("span.pill", { "data-level": conversation.identity_hint }, level), " What does it mean?"),
        h("p", {}, meaning),
      ),
  );
}

function welcome(writable) {
  const title = writable ? "Write as a customer" : "Write in Chatwoot";
  const text = writable
    ? "Choose who writes above, then send a text of your own or one of the samples below. Metta answers here."
    : "Chatwoot is a real one here, so nobody can write on this page. Each turn is shown on the right while it happens.";
  const wait = "The answer takes a few seconds: Metta waits in case the customer writes more.";
  return h("div.welcome", {}, h("p.welcome-title", {}, title), h("p", {}, text), h("p.fine", {}, wait));
}
