/** Puts the page together: listens to the stack and draws what changed. */

import { news as announced } from "./announce.js";
import { drawAgent, setUpAgent } from "./agent.js";
import { drawChat } from "./chat.js";
import { drawComposer } from "./compose.js";
import { drawFaults, drawNotices, drawQueue, drawServices, drawWorker, setUpControls } from "./controls.js";
import { drawConversations, drawScenes, setUpConversations } from "./conversations.js";
import { attribute, fill, h, say, shown } from "./dom.js";
import { hint } from "./hint.js";
import { icon, placeIcons } from "./icons.js";
import { drawSetup } from "./setup.js";
import { current, shownEntry, state, subscribe, touch } from "./state.js";
import { listen, restWhileHidden } from "./stream.js";
import { news, setUpTabs, showPane } from "./tabs.js";
import { drawTurn } from "./turn.js";

const byId = (id) => document.getElementById(id);
const BANNERS = {
  lost: ["Connection lost. Trying again; what you see may be out of date.", false],
  stopped: ["The stack has stopped. Start it again with metta up, then connect again.", true],
};

function draw(topics) {
  const any = (...names) => names.some((name) => topics.has(name));
  if (any("hello")) drawServices();
  if (any("hello")) drawScenes();
  if (any("hello", "selected", "conversation", "connection")) {
    drawSetup();
    drawChat();
    drawComposer();
    drawAgent();
  }
  if (any("conversation", "turn", "selected", "hello")) drawConversations();
  if (any("conversation", "turn", "skip", "selected", "chosen", "hello")) drawTurn();
  if (any("worker", "hello")) drawWorker();
  if (any("queue")) drawQueue();
  if (any("faults")) drawFaults();
  if (any("notice")) drawNotices();
  if (any("connection")) drawBanner();
  drawHint();
  if (any("conversation", "turn", "selected")) announce();
}

function drawHint() {
  const { text, tone } = hint(state, current(), shownEntry());
  say(byId("hint"), text);
  attribute(byId("hint"), "data-tone", tone);
}

function drawBanner() {
  const [words, again] = BANNERS[state.connection] ?? [];
  shown(byId("banner"), Boolean(words));
  attribute(document.documentElement, "data-connection", state.connection);
  if (!words) return;
  const button = again && h("button", { type: "button", on: { click: listen } }, icon("retry"), "Connect again");
  fill(byId("banner"), icon("warn"), h("span", {}, words), button);
}

function announce() {
  const { text, message, turn } = announced();
  if (text) say(byId("announcer"), text);
  if (message) news("customer");
  if (message) news("agent");
  if (turn) news("turn");
}

function setUpTheme() {
  const chosen = document.querySelector(`#theme input[value="${document.documentElement.dataset.theme}"]`);
  if (chosen) chosen.checked = true;
  byId("theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
    try {
      localStorage.setItem("metta-theme", event.target.value);
    } catch {
      // A browser that keeps nothing forgets the choice with the page.
    }
  });
}

placeIcons();
setUpTheme();
setUpTabs();
setUpControls();
setUpConversations(() => showPane("customer"));
setUpAgent(() => showPane("turn"));
subscribe(draw);
touch("worker", "queue", "connection", "conversation", "selected", "turn", "notice");
listen();
restWhileHidden();
