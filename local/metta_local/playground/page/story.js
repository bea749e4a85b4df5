/** A turn in one sentence and a few more: what Metta did and why, for somebody who sees the page for the first time. */

import { over } from "./state.js";
import { TOOLS, duration, listed, time } from "./words.js";

/** With a capital at its start. */
export function capital(words) {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** Words of the stack as a sentence: a capital at its start and a full stop. */
export function sentence(words) {
  const text = String(words ?? "").trim();
  if (!text) return "";
  return `${capital(text)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

/** What a turn does at this moment, in the words of its innermost span; empty when it does nothing. */
export function doing(turn) {
  if (turn.state !== "working") return "";
  const running = (turn.spans ?? []).filter((span) => span.end_ms === null && span.name !== "turn").at(-1);
  return running ? running.label || running.name : "";
}

/** What a turn does or did. */
export function told(turn) {
  if (turn.state === "working") return doing(turn) ? `At work: ${lowered(doing(turn))}.` : "At work.";
  if (turn.words) return sentence(turn.words);
  return turn.state === "interrupted"
    ? "The worker ended in the middle of this turn."
    : "Something failed that may pass.";
}

/**
 * What else is worth knowing, from the turn's own facts.
 * @returns {string} a few short sentences; empty while nothing is known
 */
export function story(turn) {
  const input = (turn.verdicts ?? []).find((verdict) => verdict.direction === "input");
  const output = (turn.verdicts ?? []).findLast((verdict) => verdict.direction !== "input");
  const parts = [again(turn), ...(input ? [who(turn), checked("message", input), did(turn)] : [])];
  return [...parts, output && checked("reply", output), waited(turn)].filter(Boolean).join(" ");
}

/** What happens next to a turn that is not over, and when. */
export function again(turn) {
  const at = time(turn.due, { seconds: true });
  if (turn.state === "interrupted" && !turn.taken_up_by)
    return `The message comes back ${at ? `at ${at} at the latest` : "by itself"}, and is answered once.`;
  if (turn.state !== "retrying") return "";
  return `It is tried again ${at ? `at ${at}` : "soon"}. If it goes on failing, a person takes over.`;
}

/** How much of a turn's time nobody worked on it: its message was in the queue between two tries. */
function waited(turn) {
  if (!over(turn) || !turn.latency_ms) return "";
  const tries = (turn.spans ?? []).filter(({ name, end_ms: end }) => name === "turn" && end !== null);
  const idle = turn.latency_ms - tries.reduce((sum, { start_ms: start, end_ms: end }) => sum + end - start, 0);
  if (tries.length < 2 || idle < 1000) return "";
  return `Of the time it took, ${duration(idle)} went by waiting between ${tries.length} tries.`;
}

const KNOWN = {
  verified: "The customer's address is proved",
  claimed: "The customer's address is only claimed",
  anonymous: "Nobody knows who the customer is",
};
const CHECKED = { redact: "masked in part", block: "stopped", handoff: "left to a person" };

function who(turn) {
  if (turn.identity_words) return sentence(`Identity: ${turn.identity_words}`);
  return KNOWN[turn.identity] ? `${KNOWN[turn.identity]}.` : "";
}

function checked(what, verdict) {
  return verdict.action === "allow" ? "" : `The ${what} was ${CHECKED[verdict.action] ?? verdict.action} by a check.`;
}

function did(turn) {
  const times = (turn.model_calls ?? []).length;
  const tools = used(turn.tool_calls ?? []);
  if (!times && !tools.length) return over(turn) ? "No model and no tool was asked." : "";
  const failed = (turn.model_calls ?? []).filter(({ error }) => error).length;
  const vain = failed ? `, ${failed < times ? `${failed} of them ` : ""}in vain` : "";
  const asked = `The model was asked ${{ 1: "once", 2: "twice" }[times] ?? `${times} times`}${vain}`;
  if (!tools.length) return over(turn) ? `${asked}; no tool was needed.` : `${asked}.`;
  return [times && `${asked}.`, `Metta ${listed(tools)}.`].filter(Boolean).join(" ");
}

/** What was done with tools; one that never worked was only tried. */
function used(calls) {
  return [...new Set(calls.map((call) => call.name))].map((name) => {
    const [done, tried] = TOOLS[name] ?? [`used ${name}`, `use ${name}`];
    return calls.some((call) => call.name === name && call.ok) ? done : `tried in vain to ${tried}`;
  });
}

function lowered(words) {
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}
