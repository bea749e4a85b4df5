/** A turn's steps in the order in which they happen, each as facts that the turn's view draws. */

import { disclosure, h } from "./dom.js";
import { argumentsLine, raw, value } from "./values.js";
import { longText } from "./thread.js";
import { ACTIONS, SENT, TOOLS, count, counted, duration, listed, money } from "./words.js";
import { over } from "./state.js";
import { note } from "./markdown.js";
import { capital, doing, sentence } from "./story.js";
import { judged } from "./verdict.js";

/**
 * The steps of a turn.
 * @param {object} turn
 * @param {?object} conversation whose messages left
 * @param {Function} again draws the turn anew
 * @returns {{key: string, icon: string, tone: string, title: string, aside: string, body: Function, seen: any}[]}
 *   seen: what the step is drawn from; it is drawn anew when this changes
 */
export function steps(turn, conversation, again) {
  const verdicts = turn.verdicts ?? [];
  const numbered = verdicts.map((verdict, index) => ({ verdict, index }));
  const inputs = numbered.filter(({ verdict }) => verdict.direction === "input");
  const outputs = numbered.filter(({ verdict }) => verdict.direction !== "input");
  return [
    received(turn, conversation),
    ...inputs.map((one) => checked(turn, one, "What the customer wrote", again)),
    ...calls(turn, verdicts),
    ...outputs.map((one) => checked(turn, one, "What Metta wants to say", again)),
    ...ending(turn, conversation),
    ...underWay(turn),
  ];
}

function received(turn, conversation) {
  const messages = turn.messages ?? [];
  const files = (id) => conversation?.messages?.find((one) => one.id === id)?.attachments?.length;
  const none = (id) => h("span.none", {}, files(id) ? "no words, only files" : "no words that can be read");
  return {
    key: "received",
    icon: "inbox",
    tone: "plain",
    title: messages.length > 1 ? `${count(messages.length)} messages, answered together` : "Message received",
    aside: turn.attempt > 1 ? `attempt ${turn.attempt}` : "",
    seen: [messages, turn.attempt],
    body: () => [
      h(
        "ul.quotes",
        {},
        ...messages.map((one) =>
          h(
            "li",
            {},
            one.text ? longText(`in ${one.message_id}`, one.text, 600) : none(one.message_id),
          ),
        ),
      ),
    ],
  };
}

function checked(turn, { verdict, index }, title, again) {
  const [action, tone] = ACTIONS[verdict.action] ?? [verdict.action, "plain"];
  const found = (verdict.findings ?? []).length;
  return {
    key: `verdict ${index}`,
    icon: "shield",
    tone,
    title: `${title}: ${action.toLowerCase()}`,
    aside: found ? counted(found, "finding") : "checked",
    seen: verdict,
    body: () => {
      const text = () => judged(`${turn.id} ${index}`, verdict, again).filter(Boolean);
      const words = h("p", {}, sentence(verdict.words || verdict.reason || "nothing to object to"));
      return [
        words,
        ...(found ? text() : [disclosure(`judged ${turn.id} ${index}`, ["the text that was checked"], text)]),
      ];
    },
  };
}

function calls(turn, verdicts) {
  const models = (turn.model_calls ?? []).map((call, index) => ({ call, index, at: call.started_at, made: modelStep }));
  const tools = (turn.tool_calls ?? []).map((call, index) => ({ call, index, at: call.started_at, made: toolStep }));
  const all = [...models, ...tools].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  if (all.length) return all.map(({ call, index, made }) => made(turn, call, index));
  const ended = over(turn) && verdicts.some((verdict) => verdict.direction === "input");
  if (!ended) return [];
  return [
    {
      key: "no calls",
      icon: "model",
      tone: "muted",
      title: "No model and no tool was asked",
      aside: "",
      seen: turn.outcome,
      body: () => [h("p", {}, "It was decided without them, so nothing of the message reached a model.")],
    },
  ];
}

function modelStep(turn, call, index) {
  return {
    key: `model ${index}`,
    icon: "model",
    tone: call.error ? "bad" : "plain",
    title: call.error ? `Model failed: ${call.error}` : "Asked the model",
    aside: duration(call.duration_ms),
    seen: call,
    body: () => [
      ...(call.words ? [h("p", {}, `${capital(call.words)}.`)] : []),
      h(
        "p.figures",
        {},
        h("code", {}, call.model),
        h(
          "span",
          {},
          `${count(call.input_tokens)} tokens in${call.cached_tokens ? `, ${count(call.cached_tokens)} of them cached` : ""}`,
        ),
        h(
          "span",
          {},
          `${count(call.output_tokens)} out${call.reasoning_tokens ? `, ${count(call.reasoning_tokens)} of them reasoning` : ""}`,
        ),
        h("span", {}, money(call.cost_usd)),
      ),
    ],
  };
}

function toolStep(turn, call, index) {
  const id = `${turn.id} tool ${index}`;
  const [done, tried] = TOOLS[call.name] ?? [`used ${call.name}`, `use ${call.name}`];
  const empty = !call.ok && Object.keys(call.result ?? {}).length === 0;
  return {
    key: `tool ${index}`,
    icon: "tool",
    tone: call.ok ? "plain" : "bad",
    title: call.ok ? capital(done) : `Could not ${tried}${call.error ? `: ${call.error}` : ""}`,
    aside: duration(call.duration_ms),
    seen: call,
    body: () => [
      h("p", {}, h("code.call", {}, h("b", {}, call.name), "(", h("bdi", {}, argumentsLine(call.arguments)), ")")),
      call.withheld?.length > 0 &&
        h("p.warning", {}, `The model did not get to read ${listed(call.withheld)}: the text there gave orders.`),
      !empty && h("div.result", {}, value(id, call.result)),
      raw(id, { arguments: call.arguments, result: call.result }),
    ],
  };
}

function underWay(turn) {
  const title = doing(turn);
  if (!title) return [];
  return [{ key: "now", icon: "clock", tone: "busy", title, aside: "now", seen: title, body: () => [] }];
}

function ending(turn, conversation) {
  if (!over(turn) && !(turn.sent ?? []).length) return [];
  const found = (turn.sent ?? []).map((sent, index) => left(turn, sent, index, conversation));
  if (over(turn) && turn.outcome === "dropped") {
    found.push({
      key: "dropped",
      icon: "stop",
      tone: "warn",
      title: "The reply was not sent",
      aside: "",
      seen: [turn.words, turn.reply],
      body: () => [
        h("p", {}, sentence(turn.words)),
        turn.reply && h("blockquote.judged.struck", { dir: "auto" }, longText(`drop ${turn.id}`, turn.reply)),
      ],
    });
  }
  if (over(turn) && turn.handoff) {
    found.push({
      key: "handoff",
      icon: "handoff",
      tone: "person",
      title: "Handed to a person",
      aside: turn.handoff.status ?? "",
      seen: [turn.handoff, turn.sent],
      body: () => [h("p", {}, sentence(turn.words)), ...untold(turn)],
    });
  }
  return found;
}

/** Texts of a hand-off that are not among what was sent, for example since Chatwoot does not answer. */
function untold(turn) {
  const kinds = new Set((turn.sent ?? []).map((sent) => sent.kind));
  return [
    !kinds.has("handoff_note") &&
      turn.handoff.note &&
      h("div.letter", { "data-private": true, dir: "auto" }, note(turn.handoff.note)),
    !kinds.has("handoff_word") &&
      turn.handoff.word &&
      h("div.letter", { dir: "auto" }, longText(`word ${turn.id}`, turn.handoff.word)),
  ];
}

function left(turn, sent, index, conversation) {
  const message = conversation?.messages.find((one) => one.id === sent.message_id);
  const known = {
    reply: turn.reply,
    note: turn.reply,
    handoff_note: turn.handoff?.note,
    handoff_word: turn.handoff?.word,
  }[sent.kind];
  const text = sent.text ?? message?.text ?? known ?? "";
  return {
    key: `sent ${index}`,
    icon: sent.private ? "note" : "send",
    tone: sent.private ? "note" : "ok",
    title: SENT[sent.kind] ?? "Sent",
    aside: sent.message_id ? `message ${sent.message_id}` : "",
    seen: [sent, text],
    body: () => [
      h(
        "div.letter",
        { "data-private": Boolean(sent.private), dir: "auto" },
        sent.private && text.length < 6000 ? note(text) : longText(`sent ${turn.id} ${index}`, text),
      ),
    ],
  };
}
