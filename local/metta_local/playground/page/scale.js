/** How a waterfall is laid out: order and depth of its rows, where bars stand, and which times are written above. */

const STEPS = [1, 2, 5];

/**
 * Spans in the order in which they are drawn, each below the one that holds it.
 * @param {{id: string, parent: ?string, start_ms: number}[]} spans
 * @returns {{span: object, depth: number}[]} every span once, whatever their parents say
 */
export function rows(spans) {
  const known = new Map(spans.map((span) => [span.id, span]));
  const inside = new Map();
  for (const span of spans) {
    const parent = known.has(span.parent) && span.parent !== span.id ? span.parent : null;
    inside.set(parent, [...(inside.get(parent) ?? []), span]);
  }
  const drawn = new Set();
  const found = [];
  const walk = (parent, depth) => {
    for (const span of (inside.get(parent) ?? []).sort((one, other) => one.start_ms - other.start_ms)) {
      if (drawn.has(span.id)) continue;
      drawn.add(span.id);
      found.push({ span, depth });
      walk(span.id, depth + 1);
    }
  };
  walk(null, 0);
  for (const span of spans) if (!drawn.has(span.id)) found.push({ span, depth: 0 });
  return found;
}

/** The last moment that a turn's spans tell of, in milliseconds. */
export function reached(spans) {
  return spans.reduce((most, span) => Math.max(most, span.start_ms, span.end_ms ?? 0), 0);
}

/**
 * Where a bar stands, in percent of the whole.
 * @returns {{from: number, length: number}}
 */
export function bar(span, now, whole) {
  const total = Math.max(whole, 1);
  const from = Math.min(Math.max(span.start_ms, 0), total);
  const to = Math.min(Math.max(span.end_ms ?? now, from), total);
  return { from: (from / total) * 100, length: ((to - from) / total) * 100 };
}

/**
 * Round times for the axis: 1, 2 or 5 times a power of ten apart.
 * @param {number} whole milliseconds
 * @param {number} most how many at the most, 0 not counted
 */
export function ticks(whole, most = 4) {
  if (!(whole > 0)) return [0];
  let step = 1;
  for (let power = 0; whole / step > most; power += 1) step = STEPS[power % 3] * 10 ** Math.floor(power / 3);
  const found = [];
  for (let time = 0; time <= whole; time += step) found.push(time);
  return found;
}

/** What kind of work a span is, for its colour. */
export function kind(name) {
  if (/^model( |$)|judge|moderation/.test(name)) return name === "model turn" ? "plain" : "model";
  if (name.startsWith("tool")) return "tool";
  if (/^validate|^guard/.test(name)) return "guard";
  if (/send|recheck|handoff|hand_off|sent/.test(name)) return "send";
  if (/audit/.test(name)) return "audit";
  return "plain";
}
