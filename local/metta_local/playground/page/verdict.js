/** What the guardrails said about a text: the text with every finding marked in it, and the findings one by one. */

import { h } from "./dom.js";
import { excerpt, nested, segments } from "./marks.js";
import { count } from "./words.js";

const LONG = 3000;
const unfolded = new Set();

/**
 * A verdict's text and findings.
 * @param {string} id names the verdict
 * @param {object} verdict as the stack sends it
 * @param {Function} again draws the turn anew after a reader unfolded a long text
 */
export function judged(id, verdict, again) {
  const findings = verdict.findings ?? [];
  const text = verdict.text ?? "";
  const parts = segments(text, findings);
  const long = text.length > LONG && !unfolded.has(id);
  const unfold = () => {
    unfolded.add(id);
    again();
  };
  return [
    text
      ? h("blockquote.judged", { dir: "auto" }, ...marked(nested(long ? foldable(parts) : parts), findings))
      : h("p.fine", {}, "There was no text to judge."),
    long && h("button.link", { type: "button", on: { click: unfold } }, `Show all ${count(text.length)} characters`),
    findings.length > 0 && list(findings),
  ];
}

/** Segments whose left-out pieces are told by a sentence of their own. */
function foldable(parts) {
  return excerpt(parts).map(({ text, covering, left }) => ({ text: left ? { left } : text, covering }));
}

function marked(tree, findings) {
  return tree.map((node) => {
    if (typeof node === "string") return node;
    if (node.left) return h("span.left-out", {}, `… ${count(node.left)} characters …`);
    const { check, kind, score } = findings[node.finding];
    return h(
      "mark",
      {
        "data-check": check,
        "data-label": node.goesOn ? null : kind || check,
        title: `${check}/${kind}, certainty ${certainty(score)}`,
      },
      ...marked(node.inside, findings),
    );
  });
}

function list(findings) {
  return h(
    "ul.findings",
    { "aria-label": "Findings" },
    ...findings.map(({ check, kind, start, end, score, words }) => {
      const meter = h("meter", { min: "0", max: "1", "aria-label": "Certainty" });
      meter.value = score ?? 0;
      return h(
        "li",
        { "data-check": check },
        h("span.check", {}, `${check}/${kind}`),
        h("span.finding-words", {}, words || ""),
        h(
          "span.certainty",
          { title: "How certain the check is, from 0 to 1" },
          meter,
          h("span.number", {}, certainty(score)),
        ),
        h("span.place", { title: "Code points of the text, the end not included" }, `${start}–${end}`),
      );
    }),
  );
}

function certainty(score) {
  return typeof score === "number" ? score.toFixed(2) : "unknown";
}
