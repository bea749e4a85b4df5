/** Who writes in a new conversation: customer, channel, identity and language, each with what it means. */

import { attribute, fill, h, say } from "./dom.js";
import { state } from "./state.js";
import { LEVELS } from "./words.js";

const STRONGEST = ["verified", "claimed", "anonymous"];
const byId = (id) => document.getElementById(id);
let built = false;

/** Build the form once it is known what can be chosen. */
export function drawSetup() {
  if (built || !state.hello) return;
  built = true;
  const { channels, languages, customers } = state.hello;
  fill(
    byId("setup"),
    field("Channel", "channel", channels.map(({ id, name }) => [id, name])),
    field("Identity", "identity", []),
    field("Customer", "customer", [["", "Somebody new"], ...customers.map(({ id, name }) => [id, name])]),
    field("Language", "language", [["", "Not known"], ...languages.map(({ code, name }) => [code, name])]),
    h("p.meaning", { id: "meaning" }),
  );
  attribute(byId("identity"), "aria-describedby", "meaning");
  for (const name of ["channel", "identity", "customer"]) byId(name).addEventListener("change", () => explain());
  const first = channels.find(({ id }) => id === "whatsapp") ?? channels[0];
  if (first) byId("channel").value = first.id;
  if (customers[0]) byId("customer").value = customers[0].id;
  explain();
}

function field(label, id, options) {
  const made = options.map(([value, text]) => h("option", { value }, text));
  return h("div.field", {}, h("label", { htmlFor: id }, label), h("select", { id, name: id, "data-field": id }, ...made));
}

function explain() {
  const channel = state.hello.channels.find(({ id }) => id === byId("channel").value);
  const possible = STRONGEST.filter((level) => channel?.identities.includes(level));
  const chosen = byId("identity").value;
  fill(byId("identity"), ...possible.map((level) => h("option", { value: level }, LEVELS[level][0])));
  byId("identity").value = possible.includes(chosen) ? chosen : possible[0] ?? "";
  const customer = state.hello.customers.find(({ id }) => id === byId("customer").value);
  say(byId("meaning"), [LEVELS[byId("identity").value]?.[1], channel?.note, customer?.note].filter(Boolean).join(" "));
}

/** What was chosen, as the stack wants it. */
export function chosen() {
  return {
    channel: byId("channel").value,
    identity: byId("identity").value,
    language: byId("language").value || null,
    customer: byId("customer").value || null,
  };
}
