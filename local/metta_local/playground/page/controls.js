/** The bar: how the worker and the queue are, what is real, faults to switch on, killing the worker, the log. */

import { attribute, fill, h, keyed, say, shown } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, post } from "./post.js";
import { state } from "./state.js";
import { sentence } from "./story.js";
import { counted, listed, time } from "./words.js";

const WORKER = {
  starting: ["Worker starting", "busy"],
  ready: ["Worker ready", "ok"],
  killed: ["Worker killed", "bad"],
  stopped: ["Worker stopped", "bad"],
};
const byId = (id) => document.getElementById(id);
let drawnServices = "";

/** Let the bar's controls work. */
export function setUpControls() {
  byId("fault-list").addEventListener("change", (event) => {
    const { name, checked } = event.target;
    attempt(byId("faults-form"), () => post("/api/faults", { name, on: checked })).then((done) => {
      if (!done) event.target.checked = !checked;
    });
  });
  byId("kill").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(byId("kill"), () => post("/api/worker", { action: "kill", at: byId("kill-at").value }));
  });
  byId("call-off").addEventListener("click", () => {
    byId("kill").querySelector(".danger").focus();
    attempt(byId("kill"), () => post("/api/worker", { action: "kill", at: null }));
  });
}

/** Draw how the worker is. */
export function drawWorker() {
  const { worker } = state;
  if (state.hello?.deployed) {
    attribute(byId("worker"), "data-tone", "ok");
    attribute(byId("worker"), "title", "The function as it was deployed onto the local AWS.");
    fill(byId("worker"), h("span.dot", { "aria-hidden": "true" }), h("strong", {}, "Deployed function"));
    say(byId("kill-note"), sentence(killNote(worker)));
    return;
  }
  const [words, tone] = WORKER[worker?.state] ?? ["Worker unknown", "muted"];
  const place = byId("worker");
  attribute(place, "data-tone", worker?.armed ? "warn" : tone);
  const pid = worker?.pid && h("span.extra", {}, `pid ${worker.pid} · `);
  const facts = worker && h("span.fine", {}, pid, counted(worker.kills ?? 0, "kill"));
  fill(place, h("span.dot", { "aria-hidden": "true" }), h("strong", {}, words), facts);
  say(byId("kill-note"), sentence(killNote(worker)));
  shown(byId("call-off"), Boolean(worker?.armed));
}

function killNote(worker) {
  if (state.hello?.deployed) return "the function runs as it was deployed; there is no process of its own to kill";
  const news = worker && (worker.state !== "ready" || worker.armed);
  return (news && worker.note) || "it is a process of its own, ended by SIGKILL; a new one starts by itself";
}

/** Draw how full the queue is. */
export function drawQueue() {
  const { waiting = 0, in_flight: inFlight = 0, dead = 0 } = state.queue ?? {};
  const place = byId("queue");
  attribute(place, "data-tone", dead ? "bad" : waiting + inFlight ? "busy" : "ok");
  fill(
    place,
    icon("inbox"),
    h("strong", {}, "Queue"),
    h("span.fine", {}, `${waiting} waiting · ${inFlight} in hand ·`),
    h("span.fine", { "data-dead": dead > 0 }, `${dead} dead`),
  );
}

/** Draw the switches. */
export function drawFaults() {
  const on = state.faults.filter((fault) => fault.on);
  keyed(byId("fault-list"), state.faults, {
    key: (fault) => fault.name,
    sign: (fault) => `${fault.on} ${fault.title} ${fault.what}`,
    make: (fault) => {
      const id = `fault-${fault.name}`;
      const box = h("input", {
        type: "checkbox",
        role: "switch",
        id,
        name: fault.name,
        checked: fault.on,
        "data-field": "name",
        "aria-describedby": `${id}-what`,
      });
      return h(
        "li",
        {},
        h("label.switch", {}, box, h("span", {}, fault.title)),
        h("p.fine", { id: `${id}-what` }, fault.what),
      );
    },
    update: (row, fault) => {
      row.querySelector("input").checked = fault.on;
    },
  });
  attribute(byId("faults-button"), "data-on", on.length ? "true" : null);
  say(
    byId("faults-button").querySelector(".word"),
    on.length ? `${counted(on.length, "fault")} on` : "Break something",
  );
}

/** Draw what is real and what stands in for it, and the moments at which the worker can be killed. */
export function drawServices() {
  const { hello } = state;
  const signature = JSON.stringify(hello);
  if (!hello || signature === drawnServices) return;
  drawnServices = signature;
  say(byId("version"), hello.version);
  const services = Object.entries(hello.services);
  const names = (emulated) =>
    listed(services.filter(([, facts]) => facts.emulated === emulated).map(([name]) => named(name)));
  const words = [names(true) && `Emulated: ${names(true)}`, names(false) && `Real: ${names(false)}`]
    .filter(Boolean)
    .join(" · ");
  fill(byId("services-button"), icon("info"), h("span.wide", {}, words), h("span.narrow", {}, "What is real?"));
  fill(
    byId("services-list"),
    services.map(([name, { emulated, what }]) =>
      h(
        "div",
        {},
        h("dt", {}, named(name)),
        h(
          "dd",
          {},
          h("span.pill", { "data-status": emulated ? "snoozed" : "open" }, emulated ? "emulated" : "real"),
          " ",
          what,
        ),
      ),
    ),
  );
  fill(
    byId("kill-at"),
    hello.kill_points.map(({ id, name }) => h("option", { value: id }, name)),
  );
  shown(byId("kill"), !hello.deployed);
}

function named(name) {
  return name === "aws" ? "AWS" : name.charAt(0).toUpperCase() + name.slice(1);
}

/** Draw what happened. */
export function drawNotices() {
  shown(byId("log-empty"), state.notices.length === 0);
  keyed(byId("notices"), state.notices, {
    key: (notice) => `${notice.at} ${notice.text}`,
    make: (notice) =>
      h(
        "li",
        { "data-level": notice.level },
        h("time", {}, time(notice.at, { seconds: true })),
        h("span", { dir: "auto" }, notice.text),
      ),
  });
  say(byId("log-button").querySelector(".word"), state.notices.length ? `Log (${state.notices.length})` : "Log");
}
