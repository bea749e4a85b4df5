/** The one sentence below the bar: what to do next, or what is worth looking at. */

import { again, sentence } from "./story.js";
import { listed } from "./words.js";

/**
 * @param {object} seen what the page knows, as in state.js
 * @param {?object} conversation the one that is shown
 * @param {?{turn?: object, skip?: object}} entry the turn or skip that is shown
 * @returns {{text: string, tone: "calm"|"busy"|"warn"}}
 */
export function hint(seen, conversation, entry) {
  const { hello, worker, faults } = seen;
  if (!hello) return calm("Connecting to the local stack.");
  if (seen.connection === "stopped") return calm("Nothing moves any more; what was shown last stays readable.");
  if (worker?.state === "killed")
    return warn(sentence(worker.note) || "The worker was killed. What it had in hand comes back to the queue.");
  if (worker?.armed)
    return warn(
      sentence(worker.note) || "The worker dies in the next turn. Write something and watch what becomes of it.",
    );
  if (worker?.state === "starting")
    return busy("The worker is starting. Messages wait in the queue until it is ready.");
  if (!hello.writable) return calm("Chatwoot is a real one here: write in Chatwoot, and watch the turns on this page.");
  if (entry?.turn?.state === "working") return busy("Metta is at work: the turn grows step by step.");
  if (entry?.turn && again(entry.turn)) return warn(`This turn broke off. ${again(entry.turn)}`);
  const on = faults.filter((fault) => fault.on).map((fault) => fault.title);
  if (on.length)
    return warn(`Switched on: ${listed(on)}. Write something that needs it, and see how it still ends well.`);
  if (!conversation) return calm("Start here: send a sample text as the customer, then watch the turn unfold.");
  if (entry?.skip) return calm(sentence(`Not answered: ${entry.skip.words}`));
  return after(conversation, entry?.turn);
}

function after(conversation, turn) {
  if (conversation.status === "open") {
    return calm(
      "A person has this conversation, so Metta stays silent. Give it back in the agent's view to let Metta answer again.",
    );
  }
  if (!turn) return calm("The message is on its way: Metta waits a moment, in case the customer writes more.");
  if (turn.outcome === "answered")
    return calm("Next, try a card number or an injection, switch a fault on, or answer as the human agent.");
  return calm("The turn says what was decided and why.");
}

function calm(text) {
  return { text, tone: "calm" };
}

function busy(text) {
  return { text, tone: "busy" };
}

function warn(text) {
  return { text, tone: "warn" };
}
