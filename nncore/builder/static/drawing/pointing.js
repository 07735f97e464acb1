/* Mouse, touch and keys on the drawing: what they point at, shown by a ring and a line of text. */

import { select } from "../core/store.js";
import { announce } from "../ui/notices.js";
import { hit, lineOf, nodeY, shownUnits } from "./geometry.js";
import { describe } from "./readout.js";

/** Listen on the stage's canvas; `stage.pointed` is what is pointed at, `changed` is called when it changes. */
export function listen(stage, changed) {
  const { canvas } = stage;
  let byKeys = false; // what the keys point at stays when the mouse goes away
  const point = (found, keys = false) => {
    byKeys = keys;
    stage.pointed = found;
    changed();
  };
  const at = event => {
    const box = canvas.getBoundingClientRect();
    if (!stage.values) return null;
    return hit(stage.scene, stage.values, (event.clientX - box.left) / stage.unit, (event.clientY - box.top) / stage.unit);
  };
  canvas.addEventListener("pointermove", event => point(at(event)));
  canvas.addEventListener("pointerleave", () => byKeys || point(null));
  canvas.addEventListener("blur", () => point(null));
  canvas.addEventListener("click", event => {
    const found = at(event);
    point(found);
    choose(stage, found);
  });
  canvas.addEventListener("keydown", event => {
    const next = moved(stage, event);
    if (next === undefined) return;
    event.preventDefault();
    point(next, true);
    if (next) show(stage, next);
  });
}

function choose(stage, found) {
  const card = found && stage.scene.columns[found.index].card;
  if (card !== null && card !== undefined) select(card);
}

/** Return what a key leads to; undefined if the drawing has no use for it. */
function moved(stage, { key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey || !stage.values) return undefined;
  const now = stage.pointed;
  if (key === "Escape") return now ? null : undefined;
  if (key === "Enter" || key === " ") return choose(stage, now), now;
  const across = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key];
  if (across) return columnBeside(stage, now, across);
  const along = { ArrowUp: -1, ArrowDown: 1 }[key];
  return along ? partBeside(stage, now ?? { kind: "column", index: 0 }, along) : undefined;
}

function columnBeside({ scene }, now, step) {
  const last = scene.columns.length - 1;
  if (!now) return { kind: "column", index: step > 0 && step !== Infinity ? 0 : last };
  return { kind: "column", index: Math.max(0, Math.min(last, now.index + step)) };
}

/** Up and down go through a layer's nodes, and behind each through the edges into it. */
function partBeside(stage, now, step) {
  const parts = partsOf(stage, now.index);
  const place = parts.findIndex(part => same(part, now));
  return parts[Math.max(0, Math.min(parts.length - 1, place + step))];
}

function partsOf({ scene, values }, index) {
  const column = { kind: "column", index };
  if (scene.columns[index].kind === "mark") return [column];
  const group = scene.groups.find(one => one.to === index);
  const edges = (group && values.groups.get(group.name)?.edges) ?? [];
  const parts = shownUnits(scene, values, index).flatMap(unit => [
    { kind: "node", index, unit },
    ...edges.filter(edge => edge.to === unit).map(edge => ({ kind: "edge", group, index, edge })),
  ]);
  return [column, ...parts];
}

function same(one, other) {
  if (one.kind !== other.kind || one.index !== other.index) return false;
  if (one.kind === "edge") return one.edge.from === other.edge.from && one.edge.to === other.edge.to;
  return one.unit === other.unit;
}

function show(stage, found) {
  announce(describe(stage.scene, stage.values, stage.frame(), found));
  stage.reveal(found.index);
}

/** Paint a ring around the node or layer that is pointed at, or an edge more strongly. */
export function paintPointed(context, { scene, values, style, mode }, found) {
  if (found.kind === "edge") paintEdge(context, scene, found, mode, style);
  const column = scene.columns[found.index];
  context.strokeStyle = style.accent;
  context.lineWidth = 2.5;
  context.beginPath();
  if (found.kind === "node") context.arc(column.x, nodeY(column, found.unit), column.radius + 3.5, 0, 2 * Math.PI);
  if (found.kind === "cell") context.rect(...cellBox(found, values));
  if (found.kind === "column") {
    const { top, bottom } = scene.band;
    context.roundRect(column.x - 12, top - 8, 24, bottom - top + 16, 8);
  }
  context.stroke();
}

function paintEdge(context, scene, { group, edge }, mode, style) {
  const line = lineOf(scene, group, edge);
  const negative = (mode === "gradients" ? edge.gradient : edge.weight) < 0;
  const stroke = (shade, width, dash) => {
    context.beginPath();
    context.moveTo(line.x0, line.y0);
    context.lineTo(line.x1, line.y1);
    context.strokeStyle = shade;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke();
  };
  stroke(style.surface, 8, []);
  stroke(negative ? style.negative : style.positive, 3.5, negative ? [8, 4] : []);
  context.setLineDash([]);
  context.fillStyle = style.accent;
  for (const [x, y] of [[line.x0, line.y0], [line.x1, line.y1]]) {
    context.beginPath();
    context.arc(x, y, 4.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function cellBox({ group, row, column }, values) {
  const { weight } = values.groups.get(group.name).entry;
  const [width, height] = [group.heat.width / weight[0].length, group.heat.height / weight.length];
  return [group.heat.x + column * width, group.heat.y + row * height, width, height];
}
