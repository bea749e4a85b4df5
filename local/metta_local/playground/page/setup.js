/** Who writes in a new conversation: customer, channel, identity and language, each with what it means. */

import { attribute, fill, h, say } from "./dom.js";
import { state } from "./state.js";
import { sentence } from "./story.js";
import { LEVELS } from "./words.js";

const STRONGEST = ["verified", "claimed", "anonymous"];
const byId = (id) => document.getElementById(id);
const choice = (name) => byId(`who-${name}`);
let built = false;

/** Build the form once it is known what can be chosen. */
export function drawSetup() {
  if (built || !state.hello) return;
  built = true;
  const { channels, languages, customers } = state.hello;
  fill(
    byId("setup"),
    field(
      "Channel",
      "channel",
      channels.map(({ id, name }) => [id, name]),
    ),
    field("Identity", "identity", []),
    field("Customer", "customer", [["", "Somebody new"], ...customers.map(({ id, name }) => [id, name])]),
    field("Language", "language", [["", "Not known"], ...languages.map(({ code, name }) => [code, name])]),
    h("p.meaning", { id: "meaning" }),
  );
  attribute(choice("identity"), "aria-describedby", "meaning");
  for (const name of ["channel", "identity", "customer"]) choice(name).addEventListener("change", () => explain());
  const first = channels.find(({ id }) => id === "whatsapp") ?? channels[0];
  if (first) choice("channel").value = first.id;
  if (customers[0]) choice("customer").value = customers[0].id;
  explain();
}

function field(label, id, options) {
  const made = options.map(([value, text]) => h("option", { value }, text));
  return h(
    "div.field",
    {},
    h("label", { htmlFor: `who-${id}` }, label),
    h("select", { id: `who-${id}`, name: id, "data-field": id }, ...made),
  );
}

function explain() {
  const channel = state.hello.channels.find(({ id }) => id === choice("channel").value);
  const possible = STRONGEST.filter((level) => channel?.identities.includes(level));
  const chosen = choice("identity").value;
  fill(choice("identity"), ...possible.map((level) => h("option", { value: level }, LEVELS[level][0])));
  choice("identity").value = possible.includes(chosen) ? chosen : (possible[0] ?? "");
  const customer = state.hello.customers.find(({ id }) => id === choice("customer").value);
  const notes = [
    LEVELS[choice("identity").value]?.[1],
    channel?.note,
    customer && `${customer.name}: ${customer.note}`,
  ];
  say(byId("meaning"), notes.map(sentence).filter(Boolean).join(" "));
}

/** What was chosen, as the stack wants it. */
export function chosen() {
  return {
    channel: choice("channel").value,
    identity: choice("identity").value,
    language: choice("language").value || null,
    customer: choice("customer").value || null,
  };
}
