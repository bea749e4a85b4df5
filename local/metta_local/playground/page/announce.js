/** Says aloud, to a screen reader, what a sighted reader sees move: new messages and how a turn ended. */

import { current, entries, over, state } from "./state.js";
import { sentence } from "./story.js";
import { author } from "./thread.js";

const LONGEST = 300;
const told = { conversation: null, messages: new Set(), turns: new Set() };

/**
 * What is new in the conversation that is shown; nothing right after it was chosen, since then all of it is.
 * @returns {{text: string, message: boolean, turn: boolean}}
 */
export function news() {
  const conversation = current();
  if (!conversation) {
    told.conversation = null;
    return { text: "", message: false, turn: false };
  }
  const fresh = told.conversation !== conversation.id;
  if (fresh) Object.assign(told, { conversation: conversation.id, messages: new Set(), turns: new Set() });
  const messages = conversation.messages.filter(
    (message) => isNew(told.messages, message.id) && ["metta", "team"].includes(message.from),
  );
  const ended = entries(state.selected).filter(({ key, turn }) => turn && over(turn) && isNew(told.turns, key));
  if (fresh) return { text: "", message: false, turn: false };
  const said = [
    ...messages.map(
      (message) =>
        `${message.private ? "Private note from " : ""}${author(message, conversation)}: ${(message.text ?? "").slice(0, LONGEST)}`,
    ),
    ...ended.map(({ turn }) => `Turn ended. ${sentence(turn.words)}`),
  ];
  return { text: said.join(" "), message: messages.length > 0, turn: ended.length > 0 };
}

function isNew(known, id) {
  if (known.has(id)) return false;
  known.add(id);
  return true;
}
