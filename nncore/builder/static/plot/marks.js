/* The marks of the classes: each has a colour and, as the second cue, a shape. */

import { colour, svg } from "../ui/dom.js";
import { seriesColours, SYMBOLS } from "./charts.js";

/** Outlines by Plotly's names, about 1 in radius. */
const OUTLINES = {
  circle: "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
  square: "M-.9-.9H.9V.9H-.9Z",
  "triangle-up": "M0-1.15L1.1.8H-1.1Z",
  diamond: "M0-1.25L1.25 0L0 1.25L-1.25 0Z",
  cross: "M-.38-1.15H.38V-.38H1.15V.38H.38V1.15H-.38V.38H-1.15V-.38H-.38Z",
  x: "M0-.5L.6-1.1L1.1-.6L.5 0L1.1.6L.6 1.1L0 .5L-.6 1.1L-1.1.6L-.5 0L-1.1-.6L-.6-1.1Z",
  star: "M0-1.3L.35-.45L1.25-.4L.55.17L.8 1.05L0 .55L-.8 1.05L-.55.17L-1.25-.4L-.35-.45Z",
  pentagon: "M0-1.15L1.1-.35L.68.95H-.68L-1.1-.35Z",
  hexagon: "M-.6-1.02H.6L1.17 0L.6 1.02H-.6L-1.17 0Z",
  "triangle-down": "M0 1.15L1.1-.8H-1.1Z",
};

const paths = new Map();

function path(symbol) {
  if (!paths.has(symbol)) paths.set(symbol, new Path2D(OUTLINES[symbol]));
  return paths.get(symbol);
}

/** Return the mark of each class as {colour, symbol}; beyond ten, the pairs differ. */
export function classMarks(n) {
  const colours = seriesColours();
  return Array.from({ length: n }, (_, i) => ({
    colour: colours[i % colours.length],
    symbol: SYMBOLS[(i + Math.floor(i / colours.length)) % SYMBOLS.length],
  }));
}

/** Draw a mark; a hollow one stands for a row that is held out. With an `edge`, in a colour of its own, it is seen on a
 * ground of its own colour, too. */
export function drawMark(context, { colour: fill, symbol, edge = null }, x, y, { radius = 3.4, hollow = false, ground = colour("--surface") } = {}) {
  context.save();
  context.translate(x, y);
  context.scale(radius, radius);
  context.lineWidth = (hollow ? 1.4 : 0.8) / radius;
  context.fillStyle = hollow && !edge ? ground : fill;
  context.strokeStyle = edge ?? (hollow ? fill : ground);
  context.fill(path(symbol));
  context.stroke(path(symbol));
  if (hollow && edge) {
    context.scale(0.45, 0.45);
    context.fillStyle = ground;
    context.fill(path(symbol));
  }
  context.restore();
}

/** Return the mark as a small drawing, for legends. */
export function markOf({ colour: fill, symbol }, hollow = false) {
  const shape = svg("path", { d: OUTLINES[symbol], fill: hollow ? "none" : fill, stroke: fill, "stroke-width": 0.3 });
  return svg("svg", { class: "mark", viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true" }, shape);
}
