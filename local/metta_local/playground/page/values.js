/** JSON as people read it: named values, tables where rows are alike, and the JSON itself on request. */

import { disclosure, h } from "./dom.js";
import { longText } from "./thread.js";

const MOST_ROWS = 100;
const MOST_COLUMNS = 36;

/**
 * Any JSON value as elements.
 * @param {string} id names it, for what the reader unfolds in it
 */
export function value(id, given) {
  if (given === null || given === undefined) return h("span.none", {}, "none");
  if (typeof given === "boolean") return h("span", {}, given ? "yes" : "no");
  if (typeof given === "number") return h("span.number", {}, String(given));
  if (typeof given === "string") return given === "" ? h("span.none", {}, "empty") : longText(id, given, 600);
  if (Array.isArray(given)) return list(id, given);
  return named(id, given);
}

function named(id, given) {
  const entries = Object.entries(given);
  if (!entries.length) return h("span.none", {}, "none");
  return h(
    "dl.values",
    {},
    ...entries.map(([name, one]) =>
      h(
        "div",
        { "data-deep": one !== null && typeof one === "object" },
        h("dt", { dir: "auto" }, spaced(name)),
        h("dd", {}, value(`${id} ${name}`, one)),
      ),
    ),
  );
}

function list(id, given) {
  if (!given.length) return h("span.none", {}, "none");
  if (given.every(flat)) return table(id, given);
  return h(
    "ul.values-list",
    {},
    ...given.slice(0, MOST_ROWS).map((one, index) => h("li", {}, value(`${id} ${index}`, one))),
  );
}

function flat(row) {
  return (
    row !== null &&
    typeof row === "object" &&
    !Array.isArray(row) &&
    Object.values(row).every((cell) => cell === null || typeof cell !== "object")
  );
}

/**
 * Rows that have the same fields as a table; it scrolls by itself where it is too wide.
 * @param {string[]} left names of fields that are not shown
 */
export function table(id, given, left = []) {
  const columns = [...new Set(given.flatMap((row) => Object.keys(row)))]
    .filter((name) => !left.includes(name))
    .slice(0, MOST_COLUMNS);
  const rows = given
    .slice(0, MOST_ROWS)
    .map((row, index) =>
      h("tr", {}, ...columns.map((name) => h("td", {}, value(`${id} ${index} ${name}`, row[name])))),
    );
  return h(
    "div.scroll",
    { tabindex: "0", role: "group", "aria-label": "Table, scrolls sideways" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, spaced(name))))),
      h("tbody", {}, ...rows),
    ),
    given.length > MOST_ROWS && h("p.fine", {}, `${given.length - MOST_ROWS} more rows are not shown.`),
  );
}

/** The JSON as it is, folded. */
export function raw(id, given, label = "as JSON") {
  return disclosure(`json ${id}`, [label], () =>
    h("pre.code", { tabindex: "0", dir: "ltr" }, JSON.stringify(given, null, 2)),
  );
}

/** orderedOn -> ordered on; result_digest -> result digest. */
export function spaced(name) {
  return name.replaceAll("_", " ").replace(/([a-z])([A-Z])/g, (_, low, high) => `${low} ${high.toLowerCase()}`);
}

/** Arguments of a call in one line: orderNumber: "S00042". */
export function argumentsLine(given) {
  return Object.entries(given ?? {})
    .map(([name, one]) => `${name}: ${JSON.stringify(one)}`)
    .join(", ");
}
