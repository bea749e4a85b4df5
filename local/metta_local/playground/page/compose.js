/** The customer's keyboard: one message or a burst of them, files by name, and sample texts. */

import { attribute, fill, h, say, shown } from "./dom.js";
import { icon } from "./icons.js";
import { Refused, attempt, complaint, inTurn, post } from "./post.js";
import { chosen } from "./setup.js";
import { choose, current, select, state } from "./state.js";

const FILE_TYPES = ["image", "audio", "video", "file"];
const byId = (id) => document.getElementById(id);
const queue = inTurn();
let attached = [];
let built = false;

/** Build the composer once it is known what can be written. */
export function drawComposer() {
  if (!state.hello) return;
  if (!built) build();
  const reason = unwritable();
  attribute(byId("message"), "placeholder", reason ?? "Write as the customer");
  for (const control of byId("composer").querySelectorAll("textarea, button, input, select"))
    control.disabled = reason !== null;
}

function unwritable() {
  if (!state.hello.writable) return "Chatwoot is a real one: write there.";
  return ["lost", "stopped"].includes(state.connection) ? "Not connected" : null;
}

function build() {
  built = true;
  const form = byId("composer");
  fill(
    form,
    h("div.samples", { role: "group", "aria-label": "Sample texts" }, ...state.hello.samples.map(sample)),
    h("ul.attached", { id: "attached", "aria-label": "Files to send", hidden: true }),
    h(
      "div.field.write",
      {},
      h("label.unseen", { htmlFor: "message" }, "Message"),
      h("textarea", {
        id: "message",
        rows: 2,
        dir: "auto",
        "data-field": "texts text",
        "aria-describedby": "message-help",
        on: { keydown: keys, input: grow },
      }),
      h("button.strong.send", { type: "submit" }, icon("send"), h("span", {}, "Send")),
    ),
    h(
      "div.composer-foot",
      {},
      h(
        "label.switch",
        { title: "Customers often write in several short messages. Metta waits a moment and answers them together." },
        h("input", { type: "checkbox", id: "burst", role: "switch", on: { change: help } }),
        h("span", {}, "Each line a message"),
      ),
      h(
        "button.link",
        {
          type: "button",
          id: "attach",
          "aria-expanded": "false",
          "aria-controls": "attachment",
          on: { click: toggleFile },
        },
        icon("clip"),
        "Attach a file",
      ),
    ),
    h(
      "div.attachment",
      { id: "attachment", hidden: true, role: "group", "aria-label": "File" },
      h(
        "div.field",
        {},
        h("label", { htmlFor: "file-name" }, "File name"),
        h("input", { id: "file-name", value: "photo.jpg", maxLength: 200, "data-field": "attachments name" }),
      ),
      h(
        "div.field",
        {},
        h("label", { htmlFor: "file-type" }, "File type"),
        h(
          "select",
          { id: "file-type", "data-field": "file_type" },
          ...FILE_TYPES.map((type) => h("option", { value: type }, type)),
        ),
      ),
      h("button", { type: "button", on: { click: addFile } }, "Add file"),
    ),
    h("p.fine", { id: "message-help" }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  help();
}

function sample({ label, text }) {
  const click = () => {
    // Who presses twice means it once.
    if (!byId("composer").hasAttribute("aria-busy")) send(lines(text, text.includes("\n")), []);
  };
  return h("button.chip", { type: "button", title: text, on: { click } }, label);
}

function help() {
  const burst = byId("burst").checked;
  say(
    byId("message-help"),
    burst ? "Enter starts the next message, Ctrl+Enter sends them all." : "Enter sends, Shift+Enter starts a new line.",
  );
}

function keys(event) {
  if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
  if (byId("burst").checked && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  if (!empty()) submit();
}

function grow() {
  const box = byId("message");
  if (box.hasAttribute("aria-invalid")) complaint(byId("composer"), null);
  attribute(box, "rows", Math.min(6, Math.max(2, box.value.slice(0, 5000).split("\n").length)));
}

function lines(text, burst) {
  return burst ? text.split("\n").filter((line) => line.trim()) : [text];
}

const empty = () => !byId("message").value.trim() && !attached.length;

/** What a second press asks for, the first may have done by the time it is its turn. */
function submit() {
  const meant = !empty();
  return queue(() => (meant && empty() ? null : sendWritten()));
}

async function sendWritten() {
  const box = byId("message");
  const written = box.value;
  const texts = lines(written, byId("burst").checked);
  if (!(await send(texts.length ? texts : [""], attached))) return;
  if (box.value === written) box.value = "";
  attached = [];
  drawFiles();
  grow();
  box.focus();
}

/** Send as the customer; a conversation that it starts is shown. */
function send(texts, attachments) {
  complaint(byId("setup"), null);
  return attempt(byId("composer"), async () => {
    if (!attachments.length && !texts.some((text) => text.trim()))
      throw new Refused("Write something, or attach a file.", "texts");
    const conversation = current();
    const who = conversation
      ? { channel: conversation.channel, identity: conversation.identity_hint, language: null, customer: null }
      : chosen();
    const body = { ...who, texts, attachments, conversation_id: conversation?.id ?? null };
    const answer = await post("/api/write", body).catch((error) => {
      throw conversation ? error : complainedAbove(error);
    });
    select(answer.conversation_id);
    choose(null);
  });
}

/** What is objected to in the form above is said there; here it is only pointed at. */
function complainedAbove(error) {
  const setup = byId("setup");
  if (!error.field || !setup.querySelector(`[data-field~="${CSS.escape(error.field)}"]`)) return error;
  complaint(setup, error);
  return new Refused("Not sent: see above.", null);
}

function toggleFile() {
  const open = byId("attachment").hidden;
  shown(byId("attachment"), open);
  attribute(byId("attach"), "aria-expanded", open ? "true" : "false");
  if (open) byId("file-name").focus();
}

function addFile() {
  attached = [...attached, { name: byId("file-name").value.trim(), file_type: byId("file-type").value }];
  complaint(byId("composer"), null);
  drawFiles();
  toggleFile();
  byId("message").focus();
}

function drawFiles() {
  shown(byId("attached"), attached.length > 0);
  fill(
    byId("attached"),
    attached.map((file, index) => {
      const remove = () => {
        attached = attached.filter((_, other) => other !== index);
        drawFiles();
        byId("message").focus();
      };
      const name = file.name || "unnamed file";
      return h(
        "li.file",
        {},
        icon("clip"),
        h("bdi", {}, name),
        h("span.file-type", {}, file.file_type),
        h("button.icon-only", { type: "button", "aria-label": `Remove ${name}`, on: { click: remove } }, icon("close")),
      );
    }),
  );
}
