/* Small line drawings, 24 units wide, all of one weight. */

import { svg } from "./dom.js";

const PATHS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  batch: "M6 5v14l9-7zM19 5v14",
  epoch: "M4 5v14l7-7zM12 5v14l7-7zM21 5v14",
  reset: "M4 4v6h6M4.5 10a8 8 0 1 1-.4 4",
  seed: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  undo: "M8 5 3 10l5 5M3 10h11a6 6 0 0 1 0 12h-2",
  redo: "m16 5 5 5-5 5M21 10H10a6 6 0 0 0 0 12h2",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  down: "M6 10l6 6 6-6",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  save: "M12 4v11M8 11l4 4 4-4M4 14v6h16v-6",
  export: "M12 15V4M8 8l4-4 4 4M4 14v6h16v-6",
  out: "M4 8V4h16v16H4v-4M2 12h11M9 8l4 4-4 4",
  theme: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  warning: "M12 4 2.5 20h19zM12 10v5M12 17.5v.01",
  information: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 8v.01",
  good: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8 12l3 3 5-6",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  show: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14",
  start: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
};

/** Return a drawing; it says nothing to a screen reader, so what it is in needs a text or a label. */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}
