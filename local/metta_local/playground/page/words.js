/** The page's own words and how it writes figures. What a turn did is told in the words that the stack sends. */

export const CHANNEL_NAMES = { website: "Website", whatsapp: "WhatsApp", email: "E-mail" };
export const LEVELS = {
  anonymous: ["Anonymous", "Nobody knows who writes. Metta may talk about products, never about an order."],
  claimed: [
    "Claimed",
    "An address was typed, and nothing proves it. One order at a time, and only when its number and this address belong together.",
  ],
  verified: [
    "Verified",
    "The address is proved by the channel or a signed login. Metta may show this customer's own orders, nobody else's.",
  ],
};
export const STATUSES = {
  pending: ["Pending", "Metta answers"],
  open: ["Open", "a person answers"],
  resolved: ["Resolved", "done"],
  snoozed: ["Snoozed", "set aside"],
};
export const ACTIONS = {
  allow: ["Nothing found", "ok"],
  redact: ["Masked", "warn"],
  block: ["Stopped", "bad"],
  handoff: ["Left to a person", "person"],
};
export const OUTCOMES = {
  answered: ["Answered", "ok", "check"],
  handed_off: ["Handed to a person", "person", "handoff"],
  dropped: ["Reply not sent", "warn", "stop"],
  skipped: ["Not answered", "muted", "stop"],
};
export const STATES = {
  working: ["Working", "busy", "clock"],
  interrupted: ["Interrupted", "bad", "warn"],
  retrying: ["Will be tried again", "warn", "retry"],
};
export const SENT = {
  reply: "Reply to the customer",
  note: "Draft as a private note",
  handoff_note: "Private note for the team",
  handoff_word: "Word to the customer",
};
/** What a tool does: done, and as what was tried. */
export const TOOLS = {
  getProduct: ["looked up a product", "look up a product"],
  searchProducts: ["searched the products", "search the products"],
  getOrder: ["looked up an order", "look up an order"],
  getOrdersByCustomer: ["looked up the customer's orders", "look up the customer's orders"],
  handOffToHuman: ["asked for a person", "ask for a person"],
};
export const TABLES = {
  conversations: "Who wrote",
  turns: "Turn",
  incoming_messages: "Messages from the customer",
  outgoing_messages: "Messages that left",
  verdicts: "Verdicts",
  findings: "Findings",
  tool_calls: "Tool calls",
  model_calls: "Model calls",
  timings: "Timings",
  handoff_steps: "Steps of the hand-off",
  skips: "Messages without a turn",
};

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** A moment, from an ISO text or seconds; null where there is none. */
export function moment(value) {
  if (value === null || value === undefined || value === "") return null;
  const date = new Date(typeof value === "number" && value < 1e11 ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** 14:05, or 14:05:09. */
export function time(value, { seconds = false } = {}) {
  const date = moment(value);
  return date ? (seconds ? exact : clock).format(date) : "";
}

/** 12,345. */
export function count(number) {
  return whole.format(number ?? 0);
}

/** "1 message", "2 messages". */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** 0.3 ms, 161 ms, 2.41 s. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return ms < 99_500 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms / 1000)} s`;
}

/** A time on the axis: 0, 200 ms, 1.5 s. */
export function axis(ms) {
  if (ms === 0) return "0";
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** $0.000512: fractions of a cent count here. */
export function money(usd) {
  if (!usd) return "$0";
  return usd >= 0.1 ? `$${usd.toFixed(2)}` : `$${usd.toFixed(6)}`;
}

/** A list in words: a, b and c. */
export function listed(names) {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** The channel as people call it, from this page's id or Chatwoot's name. */
export function channelName(channel, hello) {
  const known = hello?.channels?.find((one) => one.id === channel);
  return known?.name ?? CHANNEL_NAMES[channel] ?? String(channel ?? "").replace(/^Channel::/, "");
}

/** Channel as the icons are called. */
export function channelIcon(channel) {
  const name = String(channel ?? "").toLowerCase();
  return ["whatsapp", "email"].find((one) => name.includes(one)) ?? (name.includes("web") ? "website" : "chat");
}
