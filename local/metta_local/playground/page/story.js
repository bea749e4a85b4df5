/** A turn in one sentence and a few more: what Metta did and why, for somebody who sees the page for the first time. */

import { over } from "./state.js";
import { LEVELS, SPOKEN_TOOLS, listed } from "./words.js";

/** Words of the stack as a sentence: a capital at its start and a full stop. */
export function sentence(words) {
  const text = String(words ?? "").trim();
  if (!text) return "";
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

/** What a turn does or did. */
export function told(turn) {
  if (turn.words) return sentence(turn.words);
  if (turn.state === "interrupted") return "The worker ended in the middle of this turn.";
  if (turn.state === "retrying") return "Something failed that may pass.";
  const running = (turn.spans ?? []).filter((span) => span.end_ms === null).at(-1);
  return running ? `At work: ${running.label || running.name}.` : "At work.";
}

/**
 * What else is worth knowing, from the turn's own facts.
 * @returns {string} a few short sentences; empty while nothing is known
 */
export function story(turn) {
  const input = (turn.verdicts ?? []).find((verdict) => verdict.direction === "input");
  const output = (turn.verdicts ?? []).findLast((verdict) => verdict.direction !== "input");
  return [
    again(turn),
    input && who(turn),
    input && checked("message", input),
    input && did(turn),
    output && checked("reply", output),
  ]
    .filter(Boolean)
    .join(" ");
}

function again(turn) {
  if (turn.words) return "";
  if (turn.state === "interrupted") return "The message comes back to the queue, and the turn goes on where it was.";
  return turn.state === "retrying" ? "The message is back in the queue and is tried again soon." : "";
}

function who(turn) {
  const known = {
    verified: "The customer's address is proved",
    claimed: "The customer's address is only claimed",
    anonymous: "Nobody knows who the customer is",
  };
  return LEVELS[turn.identity] ? `${known[turn.identity]}.` : "";
}

function checked(what, verdict) {
  if (verdict.action === "allow") return "";
  return `The ${what} was ${{ redact: "masked in part", block: "stopped", handoff: "left to a person" }[verdict.action] ?? verdict.action} by a check.`;
}

function did(turn) {
  const tools = [...new Set((turn.tool_calls ?? []).map((call) => SPOKEN_TOOLS[call.name] ?? `used ${call.name}`))];
  const times = (turn.model_calls ?? []).length;
  if (!times && !tools.length) return over(turn) ? "No model and no tool was asked." : "";
  const asked = times && `The model was asked ${times === 1 ? "once" : times === 2 ? "twice" : `${times} times`}`;
  if (!tools.length) return `${asked}; no tool was needed.`;
  return asked ? `${asked} and ${listed(tools)}.` : `Metta ${listed(tools)}.`;
}
