/** Where a turn's time went: one bar for each span, growing while it runs. */

import { attribute, h, keyed, say } from "./dom.js";
import { bar, kind, reached, rows, ticks } from "./scale.js";
import { axis, duration } from "./words.js";

const EVERY_MS = 120;
const MOST_ROWS = 300;
let running = null;

/** Make the empty chart. */
export function chart() {
  return h(
    "div.waterfall",
    {},
    h("div.axis", { "aria-hidden": "true" }, h("span"), h("div.ticks"), h("span")),
    h("ol.bars", { "aria-label": "Spans, in the order in which they began" }),
  );
}

/** Draw a turn's spans into the chart; while one runs, it goes on by itself. */
export function drawChart(place, turn) {
  clearTimeout(running);
  const spans = (turn.spans ?? []).slice(0, MOST_ROWS);
  const live = turn.state === "working" && spans.some((span) => span.end_ms === null);
  const now = reached(spans) + (live ? performance.now() - turn.seen_at : 0);
  const whole = Math.max(now * 1.02, turn.latency_ms ?? 0, 1);
  drawAxis(place.querySelector(".ticks"), whole);
  keyed(place.querySelector(".bars"), rows(spans), {
    key: ({ span }) => span.id,
    sign: ({ span, depth }) => `${JSON.stringify(span)} ${depth} ${whole} ${turn.state}`,
    make: (row) =>
      refresh(
        h("li", {}, h("span.label"), h("span.track", {}, h("span.span")), h("span.number")),
        row,
        now,
        whole,
        turn.state,
      ),
    update: (row, fresh) => refresh(row, fresh, now, whole, turn.state),
  });
  if (live) running = setTimeout(() => place.isConnected && drawChart(place, turn), EVERY_MS);
}

function drawAxis(place, whole) {
  keyed(place, ticks(whole), {
    key: (time) => time,
    sign: () => String(whole),
    make: (time) => at(h("span", {}, axis(time)), (time / whole) * 100),
    update: (tick, time) => at(tick, (time / whole) * 100),
  });
}

function at(element, percent) {
  element.style.setProperty("--from", percent.toFixed(2));
  return element;
}

function refresh(row, { span, depth }, now, whole, state) {
  const [label, track, took] = row.children;
  const open = span.end_ms === null;
  const { from, length } = bar(span, now, whole);
  say(label, span.label || span.name);
  attribute(
    row,
    "title",
    [span.name, ...Object.entries(span.detail ?? {}).map(([name, value]) => `${name} ${value}`)].join(" · "),
  );
  row.style.setProperty("--depth", Math.min(depth, 6));
  attribute(row, "data-kind", kind(span.name));
  attribute(row, "data-open", open ? state : null);
  attribute(row, "data-error", span.error ? "true" : null);
  at(track.firstChild, from).style.setProperty("--length", length.toFixed(2));
  const running = open && state === "working";
  say(took, span.error || (open && !running ? "broke off" : duration((span.end_ms ?? now) - span.start_ms)));
  return row;
}
