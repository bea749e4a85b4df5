/** On a narrow screen the three panes are tabs; on a wide one they stand side by side. */

import { attribute } from "./dom.js";

const NARROW = window.matchMedia("(max-width: 959px)");
const NAMES = ["customer", "agent", "turn"];
const byId = (id) => document.getElementById(id);
let chosen = "customer";

/** Let the tabs work and follow the width. */
export function setUpTabs() {
  const list = byId("tabs");
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) showPane(tab.id.replace("tab-", ""));
  });
  list.addEventListener("keydown", (event) => {
    const place = NAMES.indexOf(chosen);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: NAMES.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    showPane(NAMES.at(next % NAMES.length));
    byId(`tab-${chosen}`).focus();
  });
  for (const link of document.querySelectorAll(".skips a")) {
    link.addEventListener("click", () => showPane(link.hash.slice(1)));
  }
  NARROW.addEventListener("change", arrange);
  arrange();
}

/** Bring a pane into view, where only one is. */
export function showPane(name) {
  chosen = name;
  attribute(byId(`tab-${name}`), "data-news", null);
  arrange();
}

/** Say at a tab that there is something new behind it. */
export function news(name) {
  if (NARROW.matches && name !== chosen) attribute(byId(`tab-${name}`), "data-news", "true");
}

function arrange() {
  for (const name of NAMES) {
    const here = name === chosen;
    attribute(byId(`tab-${name}`), "aria-selected", here ? "true" : "false");
    attribute(byId(`tab-${name}`), "tabindex", here ? "0" : "-1");
    const pane = byId(name);
    pane.hidden = NARROW.matches && !here;
    attribute(pane, "role", NARROW.matches ? "tabpanel" : null);
    attribute(pane, "aria-labelledby", NARROW.matches ? `tab-${name}` : `${name}-title`);
  }
}
