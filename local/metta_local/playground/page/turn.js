/** The turn as it happens: what Metta did and why in one sentence, its steps, its time, its audit. */

import { attribute, fill, h, keyed, say, shown } from "./dom.js";
import { audit } from "./audit.js";
import { icon } from "./icons.js";
import { choose, current, entries, over, shownEntry, state, touch } from "./state.js";
import { steps } from "./steps.js";
import { sentence, story, told } from "./story.js";
import { chart, drawChart } from "./waterfall.js";
import { LEVELS, OUTCOMES, STATES, channelName, count, duration, money } from "./words.js";

const byId = (id) => document.getElementById(id);
let built = false;

/** Draw the turn that is shown. */
export function drawTurn() {
  if (!built) build();
  const entry = shownEntry();
  drawPicker(entry);
  if (entry && byId("turn-body").dataset.of !== entry.key) byId("turn-body").scrollTop = 0;
  byId("turn-body").dataset.of = entry?.key ?? "";
  shown(byId("turn-empty"), !entry);
  shown(byId("turn-view"), Boolean(entry));
  if (!entry) drawEmpty();
  else if (entry.skip) drawSkip(entry.skip);
  else drawWhole(entry.turn);
}

function build() {
  built = true;
  byId("entries").addEventListener("change", (event) => {
    // Who chooses the newest wants to see the one after it, too.
    const key = event.target.value;
    choose(key === entries(state.selected).at(-1)?.key ? null : key);
  });
  fill(
    byId("turn-body"),
    h(
      "div.empty-state",
      { id: "turn-empty" },
      icon("clock"),
      h("p.welcome-title", { id: "turn-empty-title" }),
      h("p", { id: "turn-empty-text" }),
      anatomy(),
    ),
    h(
      "div.turn-view",
      { id: "turn-view", hidden: true },
      h(
        "div.verdict-card",
        { id: "summary" },
        h("span.summary-icon", { id: "summary-icon" }),
        h(
          "div.summary-text",
          {},
          h("p.summary-words", { id: "summary-words" }),
          h("p.summary-story", { id: "summary-story" }),
        ),
        h("dl.facts.inline", { id: "summary-facts" }),
      ),
      h(
        "div",
        { id: "turn-parts" },
        h("h3", {}, "Step by step"),
        h("ol.steps", { id: "steps" }),
        h("h3", { id: "time-title" }, "Where the time went"),
        chart(),
        h("h3", {}, "Audit log"),
        h("div.audit", { id: "audit" }),
      ),
    ),
  );
}

function anatomy() {
  const parts = [
    ["shield", "Input is checked", "before any model or tool sees it"],
    ["model", "The agent works", "model and tools, with the proved identity"],
    ["shield", "The reply is checked", "every figure needs a source"],
    ["send", "Sent, dropped or handed over", "after the conversation was read once more"],
    ["database", "Written down", "every step, in PostgreSQL"],
  ];
  return h(
    "ol.anatomy",
    { "aria-label": "What a turn consists of" },
    ...parts.map(([name, title, text]) => h("li", {}, icon(name), h("span", {}, h("strong", {}, title), " ", text))),
  );
}

function drawEmpty() {
  const conversation = current();
  say(byId("turn-empty-title"), conversation ? "No turn yet" : "Watch a turn here");
  say(byId("turn-empty-text"), emptyText(conversation));
}

function emptyText(conversation) {
  if (!conversation)
    return "A turn begins with what the customer wrote and ends with a reply, a hand-off, or a reason why not. It always goes the same way:";
  if (state.hello?.deployed)
    return "The deployed function is seen through the audit log alone: the turn appears here once it is over, which takes longer when something has to be tried again.";
  if (conversation.status === "open")
    return "A person has this conversation, and Metta began no turn. What the team sees says how that came.";
  return "Metta waits a moment after a message, in case the customer writes more. Then its turn appears here.";
}

function drawPicker(entry) {
  const all = entries(state.selected);
  shown(byId("picker"), all.length > 1);
  keyed(byId("entries"), all, {
    key: (one) => one.key,
    sign: (one) => title(one, all.indexOf(one)),
    make: (one) => h("option", { value: one.key }, title(one, all.indexOf(one))),
    update: (option, one) => say(option, title(one, all.indexOf(one))),
  });
  if (entry && byId("entries").value !== entry.key) byId("entries").value = entry.key;
}

function title({ turn, skip }, index) {
  if (skip) return `${index + 1} · Not answered`;
  return `${index + 1} · ${standing(turn)[0]}`;
}

function standing(turn) {
  return (over(turn) && OUTCOMES[turn.outcome]) || STATES[turn.state] || ["Over", "muted", "check"];
}

function drawSkip(skip) {
  shown(byId("turn-parts"), false);
  drawState(OUTCOMES.skipped);
  say(byId("summary-words"), sentence(`Not answered: ${skip.words || skip.reason}`));
  say(byId("summary-story"), "The message came through the queue and was looked at; it began no turn.");
  keyed(
    byId("summary-facts"),
    [
      ["Message", String(skip.message_id)],
      ["Reason", skip.reason],
    ],
    { key: ([name]) => name, sign: ([, text]) => text, make: fact },
  );
}

function drawState([, tone, name]) {
  attribute(byId("summary"), "data-tone", tone);
  if (byId("summary-icon").dataset.icon === name) return;
  byId("summary-icon").dataset.icon = name;
  fill(byId("summary-icon"), icon(name));
}

function fact([name, text, hint]) {
  return h("div", { title: hint }, h("dt", {}, name), h("dd", {}, text));
}

function drawWhole(turn) {
  shown(byId("turn-parts"), true);
  drawState(standing(turn));
  say(byId("summary-words"), told(turn));
  say(byId("summary-story"), story(turn));
  keyed(byId("summary-facts"), facts(turn), { key: ([name]) => name, sign: ([, text]) => text, make: fact });
  const again = () => {
    redrawn += 1;
    touch("turn");
  };
  keyed(byId("steps"), steps(turn, current(), again), {
    key: (step) => `${turn.id} ${step.key}`,
    sign: (step) => `${JSON.stringify([step.tone, step.title, step.aside, step.seen])} ${redrawn}`,
    make: drawStep,
  });
  shown(byId("time-title"), (turn.spans ?? []).length > 0);
  const place = byId("turn-view").querySelector(".waterfall");
  shown(place, (turn.spans ?? []).length > 0);
  drawChart(place, turn);
  keyed(byId("audit"), [turn], {
    key: () => turn.id,
    sign: () => String(turn.audit?.length),
    make: () => h("div", {}, ...audit(turn)),
  });
}

let redrawn = 0;

function facts(turn) {
  const [level, meaning] = LEVELS[turn.identity] ?? [turn.identity ?? "", ""];
  const language = state.hello?.languages?.find(({ code }) => code === turn.language)?.name ?? turn.language;
  return [
    ["Identity", level, meaning],
    ["Channel", channelName(turn.channel, state.hello), null],
    ["Language", language ?? "", "The language that Metta answers in"],
    [
      "Took",
      turn.latency_ms ? duration(turn.latency_ms) : "",
      "From the turn's start to its end; the wait for further messages is not counted",
    ],
    ["Tokens", turn.tokens ? count(turn.tokens) : "", "Read and written by the model"],
    ["Cost", turn.tokens ? money(turn.cost_usd) : "", "At the policy's prices"],
    ["Attempt", turn.attempt > 1 ? String(turn.attempt) : "", "Real tries of this turn"],
  ].filter(([, text]) => text);
}

function drawStep(step) {
  return h(
    "li.step",
    { "data-tone": step.tone },
    h("span.step-icon", {}, icon(step.icon)),
    h(
      "div.step-body",
      {},
      h("div.step-head", {}, h("h4", {}, step.title), step.aside && h("span.aside", {}, step.aside)),
      ...step.body().flat().filter(Boolean),
    ),
  );
}
