/** The human agent's side: the conversation as Chatwoot shows it to the team, and what a person can do about it. */

import { attribute, disclosure, fill, h, say, shown } from "./dom.js";
import { icon } from "./icons.js";
import { Refused, attempt, inTurn, post } from "./post.js";
import { choose, current, entryOf, state } from "./state.js";
import { drawThread } from "./thread.js";
import { STATUSES, channelName } from "./words.js";

const ACTS = [
  [
    "take_over",
    "Take over",
    "Assigns the conversation to you. From then on Metta stays silent, also with a reply that is already on its way.",
  ],
  [
    "give_back",
    "Give back to Metta",
    "Makes the conversation pending again. Metta answers what the customer is still waiting for.",
  ],
  ["resolve", "Resolve", "Closes the conversation. When the customer writes again, Metta starts anew."],
];
const byId = (id) => document.getElementById(id);
const queue = inTurn();
let showTurn = null;
let built = false;

/** `onTurn` brings the turn into view after a reader asked for it. */
export function setUpAgent(onTurn) {
  showTurn = (message) => {
    choose(entryOf(message)?.key ?? null);
    onTurn();
  };
}

/** Draw the agent's view of the conversation that is shown. */
export function drawAgent() {
  if (!built) build();
  const conversation = current();
  shown(byId("agent-empty"), !conversation);
  shown(byId("agent-view"), Boolean(conversation));
  if (!conversation) return;
  drawHead(conversation);
  drawThread(byId("agent-thread"), conversation, conversation.messages, {
    mine: ["metta", "team", "bot"],
    why: showTurn,
    folded: "agent",
  });
  const idle = !state.hello?.writable || ["lost", "stopped"].includes(state.connection);
  for (const control of byId("agent-form").querySelectorAll("textarea, button, input")) control.disabled = idle;
  const closed = conversation.status === "resolved";
  const assigned = conversation.assignee !== null && !/bot/i.test(conversation.assignee.kind);
  byId("act-take_over").disabled = idle || (assigned && conversation.status === "open");
  byId("act-give_back").disabled = idle || (conversation.status === "pending" && !assigned);
  byId("act-resolve").disabled = idle || closed;
}

function drawHead(conversation) {
  const [status, meaning] = STATUSES[conversation.status] ?? [conversation.status, ""];
  attribute(byId("agent-status"), "data-status", conversation.status);
  say(byId("agent-status"), `${status}: ${meaning}`);
  say(byId("agent-name"), conversation.customer?.name || `Conversation ${conversation.id}`);
  say(byId("agent-assignee"), conversation.assignee?.name ?? "nobody");
  say(byId("agent-priority"), conversation.priority ?? "none");
  say(byId("agent-channel"), channelName(conversation.channel, state.hello));
  say(
    byId("agent-contact"),
    [conversation.customer?.email, conversation.customer?.phone].filter(Boolean).join(", ") || "no address",
  );
  say(byId("agent-number"), `#${conversation.id}`);
}

function build() {
  built = true;
  fill(
    byId("agent-body"),
    h(
      "div.empty-state",
      { id: "agent-empty" },
      icon("person"),
      h("p.welcome-title", {}, "No conversation chosen"),
      h(
        "p",
        {},
        "Once the customer has written, you see here what your team would see in Chatwoot: the messages, Metta's private notes, who is in charge. You can take over, answer, and give the conversation back.",
      ),
    ),
    h(
      "div.agent-view",
      { id: "agent-view", hidden: true },
      h(
        "div.desk-head",
        {},
        h("h3", {}, h("bdi", { id: "agent-name" }), " ", h("span.number", { id: "agent-number" })),
        h("p.pill", { id: "agent-status" }),
        h(
          "dl.facts.inline",
          {},
          ...fact("Assignee", "agent-assignee"),
          ...fact("Priority", "agent-priority"),
          ...fact("Channel", "agent-channel"),
          ...fact("Contact", "agent-contact"),
        ),
      ),
      h("div.acts", { role: "group", "aria-label": "Conversation", id: "acts" }, ...ACTS.map(act)),
      h("div.thread", {
        id: "agent-thread",
        role: "log",
        "aria-live": "off",
        "aria-label": "Conversation as the team sees it",
        tabindex: "0",
      }),
      form(),
    ),
  );
}

function fact(label, id) {
  return [h("div", {}, h("dt", {}, label), h("dd", {}, h("bdi", { id })))];
}

function act([action, label, meaning]) {
  return h(
    "button",
    { type: "button", id: `act-${action}`, title: meaning, on: { click: () => ask({ action }) } },
    label,
  );
}

function form() {
  const radio = (value, label, checked) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "agent-kind", value, checked, on: { change: drawKind } }),
      h("span", {}, label),
    );
  return h(
    "form.composer",
    { id: "agent-form", "data-kind": "reply", "aria-label": "Message of the human agent", on: { submit } },
    h(
      "fieldset.segments",
      {},
      h("legend.unseen", {}, "What to write"),
      radio("reply", "Reply", true),
      radio("note", "Private note", false),
    ),
    h(
      "div.field.write",
      {},
      h("label.unseen", { htmlFor: "agent-text" }, "Agent's message"),
      h("textarea", {
        id: "agent-text",
        rows: 2,
        dir: "auto",
        placeholder: "Answer the customer as a person of the team",
        "data-field": "text",
        on: { keydown: keys },
      }),
      h(
        "button.strong.send",
        { type: "submit", id: "agent-send" },
        icon("send"),
        h("span", { id: "agent-send-word" }, "Send reply"),
      ),
    ),
    disclosure("agent help", ["What do the buttons do?"], () =>
      h("dl.meanings", {}, ...ACTS.flatMap(([, label, meaning]) => [h("dt", {}, label), h("dd", {}, meaning)])),
    ),
  );
}

function drawKind() {
  const kind = byId("agent-form").elements["agent-kind"].value;
  attribute(byId("agent-form"), "data-kind", kind);
  attribute(
    byId("agent-text"),
    "placeholder",
    kind === "note" ? "Only the team sees this" : "Answer the customer as a person of the team",
  );
  say(byId("agent-send-word"), kind === "note" ? "Add note" : "Send reply");
}

function keys(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (byId("agent-text").value.trim()) byId("agent-form").requestSubmit();
}

function submit(event) {
  event.preventDefault();
  const meant = byId("agent-text").value.trim() !== "";
  return queue(() => (meant && !byId("agent-text").value ? null : sendWritten()));
}

async function sendWritten() {
  const box = byId("agent-text");
  const text = box.value;
  const sent = await ask({ action: byId("agent-form").elements["agent-kind"].value, text });
  if (sent && box.value === text) box.value = "";
}

function ask(body) {
  const conversation = current();
  return attempt(byId("agent-form"), async () => {
    if (body.text !== undefined && !body.text.trim()) throw new Refused("Write something first.", "text");
    await post("/api/agent", { conversation_id: conversation.id, ...body });
    choose(null);
  });
}
