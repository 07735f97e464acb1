/* Painting what stands still: columns, nodes, edges, heat maps, skip connections, and the norm of each gradient. */

import { count, counted, figure } from "../core/format.js";
import { colour, fitted } from "../ui/dom.js";
import { strength } from "./frame_values.js";
import { detailOf, extentOf, lineOf, nodeY, shownUnits } from "./geometry.js";
import { paintHeat, paintScale, shades } from "./heat.js";
import { hatch, normText, paintNorms } from "./norms.js";

const STEPS = 8; // of strength, so that all edges of a kind are one path
const NAMES = ["text", "muted", "line", "edge", "surface", "sunken", "positive", "negative", "zero", "accent", "accent-soft", "bad"];

/** Return the colours and type of the page as it is now. */
export function styleNow() {
  const style = Object.fromEntries(NAMES.map(name => [name, colour(`--${name}`)]));
  const family = getComputedStyle(document.body).fontFamily;
  return { ...style, shades: shades(style), strong: `600 12px ${family}`, small: `11px ${family}` };
}

/** Paint a scene. `mode` is "weights" or "gradients", `selected` the index of a card or null. */
export function paint(context, scene, values, { mode, style, selected }) {
  context.textBaseline = "alphabetic";
  paintSelection(context, scene, selected, style);
  for (const arc of scene.arcs) paintArc(context, scene, values, arc, style);
  for (const group of scene.groups) paintGroup(context, scene, values, group, mode, style);
  scene.columns.forEach((column, i) => paintColumn(context, scene, values, column, i, style));
  paintNorms(context, scene, values, style);
}

function paintSelection(context, scene, selected, style) {
  const first = scene.columns.findIndex(column => column.card === selected && selected !== null);
  if (first < 0) return;
  const last = scene.columns.findLastIndex(column => column.card === selected);
  const [x0, x1] = extentOf(scene, first, last);
  context.globalAlpha = 0.5;
  context.fillStyle = style["accent-soft"];
  context.beginPath();
  context.roundRect(x0, 0, x1 - x0, scene.height, 8);
  context.fill();
  context.globalAlpha = 1;
}

// ---- edges

function paintGroup(context, scene, values, group, mode, style) {
  const found = values.groups.get(group.name);
  paintPassage(context, scene, values, group, style);
  if (!found) return;
  if (found.condition === "exploding") paintExploding(context, scene, group, style);
  paintEdges(context, scene, group, found.edges, edge => strength(values, mode, edge), mode, style);
  if (group.heat) paintPooled(context, group, found.entry, mode, style);
}

function paintExploding(context, scene, group, style) {
  const { top, bottom } = scene.band;
  const [x, width] = [group.start + 12, group.end - group.start - 24];
  context.save();
  context.beginPath();
  context.rect(x, top, width, bottom - top);
  context.globalAlpha = 0.35;
  hatch(context, x, top, width, bottom - top, style.bad, 10);
  context.restore();
}

/** Lines from the nodes through the marks behind them, to where the edges begin. */
function paintPassage(context, scene, values, group, style) {
  if (group.exit === group.from) return;
  const column = scene.columns[group.from];
  context.beginPath();
  for (const unit of shownUnits(scene, values, group.from)) {
    context.moveTo(column.x, nodeY(column, unit));
    context.lineTo(group.start, nodeY(column, unit));
  }
  context.strokeStyle = style.line;
  context.lineWidth = 1;
  context.stroke();
}

/** Paint edges by strength: blue and solid where positive, vermillion and dashed where negative. */
function paintEdges(context, scene, group, edges, strengthOf, mode, style) {
  const key = mode === "gradients" ? "gradient" : "weight";
  const paths = new Map();
  for (const edge of edges) {
    if (!edge[key]) continue;
    const step = Math.max(1, Math.ceil(strengthOf(edge) * STEPS)) * Math.sign(edge[key]);
    if (!paths.has(step)) paths.set(step, new Path2D());
    const { x0, y0, x1, y1 } = lineOf(scene, group, edge);
    paths.get(step).moveTo(x0, y0);
    paths.get(step).lineTo(x1, y1);
  }
  const crowd = Math.min(1, edges.length / 200);
  const order = [...paths.keys()].sort((a, b) => Math.abs(a) - Math.abs(b));
  for (const step of order) strokeStep(context, paths.get(step), step / STEPS, crowd, style);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** Many edges are drawn finer and lighter than few, so that the strong ones still stand out. */
function strokeStep(context, path, signed, crowd, style) {
  const size = Math.abs(signed);
  context.strokeStyle = signed > 0 ? style.positive : style.negative;
  context.lineWidth = 0.5 + (3.5 - 1.5 * crowd) * size ** 1.3;
  context.globalAlpha = 0.18 - 0.1 * crowd + 0.72 * size ** (1 + crowd);
  context.setLineDash(signed > 0 ? [] : [4 + context.lineWidth, 3]);
  context.stroke(path);
}

function paintPooled(context, group, entry, mode, style) {
  const { heat, shape } = group;
  const most = paintHeat(context, heat, mode === "gradients" ? entry.gradient : entry.weight, style);
  paintScale(context, heat, most, figure, style);
  const [first, second] = captionOf(entry, shape);
  const middle = heat.x + heat.width / 2;
  context.textAlign = "center";
  context.fillStyle = style.muted;
  context.fillText(first, middle, heat.y + heat.height + 28);
  context.fillText(second, middle, heat.y + heat.height + 41);
}

/** Return in words, on two lines, how many of how many edges are shown. */
function captionOf(entry, [inputs, outputs]) {
  const shown = entry.strongest.length;
  const all = inputs * outputs;
  if (shown === all) return ["showing all", counted(all, "edge")];
  return [`showing ${count(shown)} strongest`, `of ${counted(all, "edge")}`];
}

// ---- columns

function paintColumn(context, scene, values, column, index, style) {
  if (column.kind === "mark") return paintMark(context, scene, column, style);
  if (column.wide) paintBar(context, scene, column, style);
  context.fillStyle = style.surface;
  const starves = values.groups.get(column.name)?.condition === "starving";
  context.strokeStyle = starves ? style.bad : style.edge;
  context.setLineDash(starves && !column.wide ? [2.5, 2.5] : []);
  context.lineWidth = column.wide ? 1 : 1.5;
  context.beginPath();
  for (const unit of shownUnits(scene, values, index)) {
    const y = nodeY(column, unit);
    context.moveTo(column.x + column.radius, y);
    context.arc(column.x, y, column.radius, 0, 2 * Math.PI);
  }
  context.fill();
  context.stroke();
  context.setLineDash([]);
  paintHeading(context, scene, column, index, style);
  if (column.labels?.length === column.n && column.pitch >= 10) paintLabels(context, column, style);
}

function paintBar(context, { band }, column, style) {
  paintUpright(context, band, column.x, { half: 6, radius: 6, edge: style.line }, style);
}

/** A layer without units is a slim box, its name written upwards. */
function paintMark(context, { band }, column, style) {
  paintUpright(context, band, column.x, { half: 9, radius: 5, edge: style.edge }, style);
  context.save();
  context.translate(column.x, (band.top + band.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillStyle = style.text;
  context.font = style.small;
  context.fillText(fitted(context, column.name, band.bottom - band.top - 8), 0, 4);
  context.restore();
}

/** Paint a box as high as the nodes' band, `half` its width to both sides of `x`. */
function paintUpright(context, { top, bottom }, x, { half, radius, edge }, style) {
  context.beginPath();
  context.roundRect(x - half, top - 3, 2 * half, bottom - top + 6, radius);
  context.fillStyle = style.sunken;
  context.fill();
  context.strokeStyle = edge;
  context.lineWidth = 1;
  context.stroke();
}

function paintHeading(context, scene, column, index, style) {
  const width = headingWidth(scene, index);
  context.textAlign = "center";
  context.fillStyle = style.text;
  context.font = style.strong;
  context.fillText(fitted(context, column.name, width), column.x, 15);
  context.fillStyle = style.muted;
  context.font = style.small;
  context.fillText(fitted(context, detailOf(column), width), column.x, 29);
}

function headingWidth(scene, index) {
  const nodes = scene.columns.filter(column => column.kind !== "mark");
  const at = nodes.indexOf(scene.columns[index]);
  const near = [nodes[at - 1], nodes[at + 1]].filter(Boolean).map(other => Math.abs(other.x - nodes[at].x));
  return Math.max(48, Math.min(...near, 150) - 4);
}

function paintLabels(context, column, style) {
  const left = column.kind === "input";
  context.textAlign = left ? "right" : "left";
  context.fillStyle = style.text;
  context.font = style.small;
  const x = column.x + (left ? -1 : 1) * (column.radius + 6);
  const room = column.aside - column.radius - 8;
  column.labels.forEach((label, unit) => context.fillText(fitted(context, label, room), x, nodeY(column, unit) + 4));
}

// ---- skip connections

function paintArc(context, scene, values, arc, style) {
  const { x0, x1, y, foot } = arc;
  const found = values.arcs.get(arc.name);
  const text = found ? `${found.name} ‖∇‖ ${normText(found.entry.gradient_norm)}` : `${arc.name}: skip connection`;
  context.font = style.small;
  context.textAlign = "center";
  context.fillStyle = style.muted;
  const label = fitted(context, text, x1 - x0 - 56);
  const half = context.measureText(label).width / 2 + 6;
  const middle = (x0 + x1) / 2;
  context.fillText(label, middle, y + 4);
  context.beginPath();
  context.moveTo(x0, foot + 4);
  context.bezierCurveTo(x0, y, x0 + 4, y, x0 + 22, y);
  context.lineTo(middle - half, y);
  context.moveTo(middle + half, y);
  context.lineTo(x1 - 22, y);
  context.bezierCurveTo(x1 - 4, y, x1, y, x1, foot + 4);
  context.strokeStyle = style.edge;
  context.lineWidth = 1.6;
  context.stroke();
}
