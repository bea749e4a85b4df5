/** Messages as bubbles, for the customer's chat and for the agent's view of the same conversation. */

import { disclosure, h, keyed } from "./dom.js";
import { icon } from "./icons.js";
import { counted, time } from "./words.js";
import { boundary } from "./marks.js";
import { note as noteElements } from "./markdown.js";

const LONGEST = 1500;
const NEAR_END = 60;
const pinned = new WeakMap();
const watched = new WeakSet();
const FILE_ICONS = { image: "note", audio: "play", video: "play" };
const BY_KIND = { handoff_note: "Metta's note to the team", note: "Metta's draft, not sent to the customer" };

/**
 * A text of any length: a very long one starts folded, so that the page stays quick.
 * @param {string} id names it, so that it stays unfolded
 */
export function longText(id, text, longest = LONGEST) {
  if (text.length <= longest) return h("span.text", { dir: "auto" }, text);
  const cut = boundary(text, longest);
  const rest = disclosure(`text ${id}`, [`${counted(text.length - cut, "more character")}`], () =>
    h("span.text", { dir: "auto" }, text.slice(cut)),
  );
  return h("span.text.long", { dir: "auto" }, text.slice(0, cut), "…", rest);
}

/** The files of a message, by name and type; nobody opens them here. */
export function files(message) {
  return (message.attachments ?? []).map((file) =>
    h(
      "span.file",
      {},
      icon(FILE_ICONS[file.file_type] ?? "clip"),
      h("bdi", {}, file.name || "unnamed file"),
      h("span.file-type", {}, file.file_type),
    ),
  );
}

/** Who wrote a message, in words. */
export function author(message, conversation) {
  if (message.from === "metta") return "Metta";
  if (message.from === "customer") return message.author || conversation.customer?.name || "Customer";
  if (message.from === "team") return message.author || "Human agent";
  return message.author || "Chatwoot";
}

/**
 * Draw a thread and stay at its end, unless the reader has scrolled up.
 * @param {Element} place scrolls
 * @param {object} conversation
 * @param {object[]} messages of it, those that are to be seen
 * @param {{mine: string[], why: ?Function, folded: string}} view mine: who stands on the right; why: shows a turn
 */
export function drawThread(place, conversation, messages, view) {
  if (place.dataset.of !== String(conversation.id)) pinned.set(place, true);
  place.dataset.of = conversation.id;
  watch(place);
  const typing = conversation.typing ? [{ id: "typing", typing: true }] : [];
  keyed(place, [...messages, ...typing], {
    key: (message) => `${conversation.id} ${message.id}`,
    sign: (message) => JSON.stringify(message),
    make: (message) => (message.typing ? typingBubble() : bubble(message, conversation, view)),
  });
  toEnd(place);
}

/** Know whether the reader is at the end, and stay there when the place changes its height. */
function watch(place) {
  if (watched.has(place)) return;
  watched.add(place);
  place.addEventListener(
    "scroll",
    () => pinned.set(place, place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_END),
    { passive: true },
  );
  new ResizeObserver(() => toEnd(place)).observe(place);
}

/** Show a place's beginning, for what is no thread. */
export function toStart(place) {
  pinned.set(place, false);
  place.scrollTop = 0;
}

function toEnd(place) {
  if (pinned.get(place)) place.scrollTop = place.scrollHeight;
}

function bubble(message, conversation, { mine, why, folded }) {
  if (message.from === "system") {
    return h("p.activity", {}, h("span", { dir: "auto" }, message.text ?? ""), h("time", {}, time(message.created_at)));
  }
  const name = author(message, conversation);
  const side = mine.includes(message.from) ? "right" : "left";
  const note = message.private ? (BY_KIND[message.kind] ?? "Private note") : null;
  return h(
    "article.message",
    {
      "data-side": side,
      "data-from": message.from,
      "data-private": message.private,
      "aria-label": note ? `${note}, ${name}` : name,
    },
    h(
      "p.message-head",
      {},
      note && h("span.note-mark", {}, icon("note"), note),
      !note && !(folded === "chat" && side === "right") && h("bdi.name", {}, name),
      h("time", {}, time(message.created_at)),
    ),
    h("div.bubble", {}, message.text ? said(message, folded) : null, ...files(message)),
    message.error && h("p.failed", {}, icon("warn"), `Not delivered: ${message.error}`),
    why &&
      message.from === "metta" &&
      message.turn_id &&
      !message.private &&
      h("button.link.why", { type: "button", on: { click: () => why(message) } }, "How this came about"),
  );
}

/** Metta's notes are Markdown, which Chatwoot shows as such; everything else is plain text. */
function said(message, folded) {
  const written = message.private && message.from === "metta" && message.text.length <= LONGEST * 4;
  return written ? noteElements(message.text) : longText(`${folded} ${message.id}`, message.text);
}

function typingBubble() {
  return h("p.typing", {}, h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), "Metta is typing");
}
