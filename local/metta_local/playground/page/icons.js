/** The page's icons, 20 by 20, drawn in the colour of the text beside them. */

import { svg } from "./dom.js";

const PATHS = {
  website: [
    "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z",
    "M2.5 10h15",
    "M10 2.5c4.2 4.4 4.2 10.6 0 15-4.2-4.4-4.2-10.6 0-15Z",
  ],
  whatsapp: [
    "M3 17l1-3.4A7 7 0 1 1 6.6 16L3 17Z",
    "M7.6 7.2c0 3 2.2 5.2 5.2 5.2",
    "M7.6 7.200l1.2 1.4",
    "M12.8 12.400l-1.4-1.2",
  ],
  email: ["M3 5h14v10H3Z", "M3.5 5.5 10 11l6.5-5.5"],
  chat: ["M3 4.500h14v9H9l-4 3v-3H3Z"],
  person: ["M10 10a3.2 3.2 0 1 0 0-6.400A3.2 3.2 0 0 0 10 10Z", "M3.8 17a6.2 6.2 0 0 1 12.4 0"],
  inbox: ["M3 12V5h14v7", "M3 12h4l1 2h4l1-2h4v4H3Z"],
  shield: ["M10 2.500l6 2v5c0 4-2.6 6.6-6 8-3.4-1.4-6-4-6-8v-5Z", "M7.3 9.800l2 2 3.5-3.8"],
  model: ["M10 3v3", "M4 6h12v10H4Z", "M7.5 10.200v1.2", "M12.5 10.200v1.2", "M2 10v3", "M18 10v3"],
  tool: ["M4 4h12v4H4Z", "M4 8v8h12V8", "M8 12h4"],
  send: ["M3 10 17 3.5 13.5 17l-3-5.500Z", "M10.5 11.5 17 3.5"],
  handoff: [
    "M7.5 9a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600Z",
    "M2.5 16a5 5 0 0 1 9-3",
    "M12 10.500h6",
    "M15.5 8l2.5 2.5-2.5 2.5",
  ],
  stop: ["M10 2.500a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z", "M4.8 4.800l10.4 10.4"],
  check: ["M4 10.500l4 4 8-9"],
  clock: ["M10 2.500a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z", "M10 5.800V10l2.8 2"],
  clip: ["M13.5 7l-5 5a1.6 1.6 0 0 0 2.3 2.300l5.2-5.300a3.2 3.2 0 0 0-4.6-4.600L6 9.800a4.9 4.9 0 0 0 7 7l4-4"],
  plus: ["M10 4v12", "M4 10h12"],
  play: ["M6 3.8 16 10 6 16.200Z"],
  bolt: ["M11 2.5 4.5 11.500H9.500L9 17.500l6.5-9h-5Z"],
  log: ["M5 3h10v14H5Z", "M7.8 7h4.4", "M7.8 10h4.4", "M7.8 13h2.6"],
  info: ["M10 2.500a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z", "M10 9v4.5", "M10 6.300v.2"],
  warn: ["M10 3 18 16.500H2Z", "M10 8v4", "M10 14.200v.2"],
  note: ["M4 3.500h12v9l-4 4H4Z", "M16 12.500h-4v4"],
  database: ["M4 5.200c0-3 12-3 12 0s-12 3-12 0Z", "M4 5.200v9.600c0 3 12 3 12 0V5.2", "M4 10c0 3 12 3 12 0"],
  close: ["M5 5l10 10", "M15 5 5 15"],
  auto: ["M10 2.500a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z", "M10 2.500v15"],
  light: [
    "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
    "M10 2v1.5",
    "M10 16.500V18",
    "M2 10h1.5",
    "M16.5 10H18",
    "M4.3 4.300l1.1 1.1",
    "M14.6 14.600l1.1 1.1",
    "M15.7 4.300l-1.1 1.1",
    "M5.4 14.600l-1.1 1.1",
  ],
  dark: ["M16.5 12A7 7 0 0 1 8 3.5 7 7 0 1 0 16.5 12Z"],
  retry: ["M16 7a6.5 6.5 0 1 0 .5 4.5", "M16.5 3.500V7.500h-4"],
};

/** An icon; nothing but decoration, the words stand beside it. */
export function icon(name) {
  const paths = (PATHS[name] ?? PATHS.info).map((d) => svg("path", { d }));
  return svg("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" }, ...paths);
}

/** Put icons where the document asks for them by `data-icon`. */
export function placeIcons(root = document) {
  for (const place of root.querySelectorAll("[data-icon]")) {
    if (!place.querySelector(":scope > svg.icon")) place.prepend(icon(place.dataset.icon));
  }
}
