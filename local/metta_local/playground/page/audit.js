/** The rows that PostgreSQL gave back, one table for each of its tables. */

import { disclosure, h } from "./dom.js";
import { raw, table } from "./values.js";
import { TABLES, counted } from "./words.js";

/** The audit of a turn, folded; a word about where it is while there are no rows yet. */
export function audit(turn) {
  if (!turn.audit) return [h("p.fine", {}, "Written to PostgreSQL once the turn is over.")];
  const byTable = new Map();
  for (const { table: name, ...row } of turn.audit) byTable.set(name, [...(byTable.get(name) ?? []), row]);
  return [
    ...[...byTable].map(([name, rows]) =>
      disclosure(
        `audit ${turn.id} ${name}`,
        [
          h("span", {}, TABLES[name] ?? name),
          " ",
          h("code", {}, name),
          " ",
          h("span.fine", {}, counted(rows.length, "row")),
        ],
        () => table(`audit ${turn.id} ${name}`, rows, rows.every((row) => row.turn_id === turn.id) ? ["turn_id"] : []),
      ),
    ),
    raw(`audit ${turn.id}`, turn.audit, "all rows as JSON"),
  ];
}
