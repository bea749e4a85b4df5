/** The little Markdown that Chatwoot shows in a private note: bold, code, quotes and lists, as elements. */

import { h } from "./dom.js";

const INLINE = /\*\*([^*\n]+)\*\*|`([^`\n]+)`/g;

/**
 * A note as elements; whatever is no Markdown stays the text that it is.
 * @param {string} text
 */
export function note(text) {
  const blocks = [];
  for (const line of text.split("\n")) {
    const [, mark = "", said] = /^(> ?|- )?(.*)$/.exec(line);
    const kind = mark.startsWith(">") ? "blockquote" : mark ? "ul" : "p";
    if (kind === "p" && !said.trim()) blocks.push(null);
    else if (kind === "p" || blocks.at(-1)?.kind !== kind) blocks.push({ kind, lines: [said] });
    else blocks.at(-1).lines.push(said);
  }
  return h("div.rich", { dir: "auto" }, ...blocks.filter(Boolean).map(block));
}

function block({ kind, lines }) {
  if (kind === "ul") return h("ul", {}, ...lines.map((line) => h("li", {}, ...inline(line))));
  return h(kind, {}, ...lines.flatMap((line, index) => (index ? ["\n", ...inline(line)] : inline(line))));
}

function inline(line) {
  const parts = [];
  let from = 0;
  for (const found of line.matchAll(INLINE)) {
    parts.push(line.slice(from, found.index), found[1] ? h("strong", {}, found[1]) : h("code", {}, found[2]));
    from = found.index + found[0].length;
  }
  return [...parts, line.slice(from)].filter((part) => part !== "");
}
