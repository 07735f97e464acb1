/* How what moves is painted: chevrons for gradients, dots for what goes forward, halos for updates. */

import { along, changing, flowing, flowOf, largestFlow } from "./frame_values.js";
import { extentOf, lineOf, nodeY, shownUnits } from "./geometry.js";

const SIZE = { least: 2, more: 5.4 };
const LAG = 0.3; // share of a pulse by which the last chevron may start after the first, so that they stay apart

/** Paint the gradients of one layer, `share` of the way back along its edges. */
export function paintPulse(context, scene, values, group, found, share, style) {
  const faint = found.condition === "starving" ? 0.55 : found.condition === "fading" ? 0.7 : 1;
  context.lineJoin = "round";
  const paint = (edge, place, line) => chevron(context, place, line, along(values.gradient, edge.gradient), edge.gradient, found, style);
  paintAlong(context, scene, group, found.moving, { share, backward: true, faint }, paint);
}

/** Paint what goes forward in a row of an explained step: weight times what the edge reads. */
function paintForward(context, scene, values, group, found, { share, row }, style) {
  const most = largestFlow(values, row);
  const paint = (edge, place) => dot(context, place, Math.abs(flowOf(edge, row)) / most, flowOf(edge, row), style);
  paintAlong(context, scene, group, flowing(found.edges, row), { share, backward: false, faint: 1 }, paint);
}

function paintAlong(context, scene, group, edges, { share, backward, faint }, paint) {
  for (const edge of edges) {
    const own = (share - LAG * lag(edge)) / (1 - LAG);
    if (own <= 0 || own >= 1) continue;
    const line = lineOf(scene, group, edge);
    const way = 0.05 + 0.9 * (backward ? 1 - own : own);
    const place = { x: line.x0 + (line.x1 - line.x0) * way, y: line.y0 + (line.y1 - line.y0) * way };
    context.globalAlpha = Math.min(1, 6 * own, 6 * (1 - own)) * faint;
    paint(edge, place, line);
  }
  context.globalAlpha = 1;
}

/** Return a number from 0 to 1, the same for an edge at all times. */
function lag({ from, to }) {
  return (0.618034 * (7 * from + to)) % 1;
}

/** An arrowhead that points against the edge; hollow in a layer that starves. */
function chevron(context, { x, y }, line, size, gradient, found, style) {
  const length = Math.hypot(line.x1 - line.x0, line.y1 - line.y0);
  const [cos, sin] = [(line.x1 - line.x0) / length, (line.y1 - line.y0) / length];
  const s = SIZE.least + SIZE.more * size;
  const at = (ahead, aside) => [x + ahead * s * cos - aside * s * sin, y + ahead * s * sin + aside * s * cos];
  context.beginPath();
  context.moveTo(...at(-1, 0));
  for (const corner of [at(0.7, -0.85), at(0.2, 0), at(0.7, 0.85)]) context.lineTo(...corner);
  context.closePath();
  const hollow = found.condition === "starving";
  context.strokeStyle = hollow ? shade(gradient, style) : style.surface;
  context.lineWidth = hollow ? 1 : 2;
  context.stroke();
  context.fillStyle = hollow ? style.surface : shade(gradient, style);
  context.fill();
}

function dot(context, { x, y }, size, value, style) {
  context.beginPath();
  context.arc(x, y, 1.8 + 3 * size, 0, 2 * Math.PI);
  context.strokeStyle = style.surface;
  context.lineWidth = 2;
  context.stroke();
  context.fillStyle = shade(value, style);
  context.fill();
}

function shade(value, style) {
  return value < 0 ? style.negative : style.positive;
}

/** Paint a beat of an explained batch, `share` of the way through it; at 1 it stands still. */
export function paintBeat(context, scene, values, beat, share, style) {
  const [first, last] = columnsOf(scene, beat);
  if (first < 0) return;
  outline(context, scene, extentOf(scene, first, last), style);
  if (beat.kind === "loss") return rings(context, scene, values, last, share, style);
  const group = scene.groups.find(one => one.to === first);
  const found = group && values.groups.get(group.name);
  if (!found || share >= 1) return;
  if (beat.kind === "update") return halo(context, scene, values, group, found, 1 - share, style);
  if (beat.kind === "forward") return paintForward(context, scene, values, group, found, { share, row: beat.row }, style);
  paintPulse(context, scene, values, group, found, share, style);
}

/** Return the first and last column that a beat is about; a residual layer has several. */
export function columnsOf({ columns, arcs }, { kind, layer }) {
  if (kind === "input") return [0, 0];
  const arc = arcs.find(one => one.name === layer);
  if (arc) return [arc.from + 1, arc.to];
  const found = columns.findLastIndex(({ name, kind: of }) => (layer ? name === layer && of !== "input" : kind === "loss"));
  return [found, found];
}

function outline(context, scene, [x0, x1], style) {
  context.beginPath();
  context.roundRect(x0, 1, x1 - x0, scene.height - 2, 8);
  context.strokeStyle = style.accent;
  context.lineWidth = 2;
  context.stroke();
}

function rings(context, scene, values, index, share, style) {
  const column = scene.columns[index];
  context.strokeStyle = style.bad;
  context.lineWidth = 2;
  context.globalAlpha = 1 - 0.4 * share;
  context.beginPath();
  for (const unit of shownUnits(scene, values, index)) {
    const radius = column.radius + 2 + 4 * share;
    context.moveTo(column.x + radius, nodeY(column, unit));
    context.arc(column.x, nodeY(column, unit), radius, 0, 2 * Math.PI);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** A glow along the edges that the update changes most, the wider the larger their change; it fades. */
function halo(context, scene, values, group, found, left, style) {
  context.lineCap = "round";
  for (const edge of changing(found.edges)) {
    const { x0, y0, x1, y1 } = lineOf(scene, group, edge);
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.globalAlpha = 0.5 * left;
    context.strokeStyle = style.accent;
    context.lineWidth = 2 + 8 * along(values.change, edge.change);
    context.stroke();
  }
  context.globalAlpha = 1;
}
