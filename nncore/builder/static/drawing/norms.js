/* The row below the drawing: for each layer the norm of its weight's gradient, as a bar and as a figure. */

import { figure } from "../core/format.js";
import { along, conditionOf } from "./frame_values.js";

const BAR = { width: 56, height: 7 };

/** Paint the row. */
export function paintNorms(context, scene, values, style) {
  context.textAlign = "left";
  context.fillStyle = style.muted;
  context.font = style.small;
  context.fillText("gradient", 6, scene.normTop + 13);
  context.fillText("norm, log", 6, scene.normTop + 27);
  for (const group of scene.groups) {
    const entry = values.groups.get(group.name)?.entry;
    if (entry) paintNorm(context, scene, values, group, entry.gradient_norm, style);
  }
}

/** Return the figure of a norm as it is drawn and said: all the digits that the server sends. */
export function normText(norm) {
  return Number.isFinite(norm) ? figure(norm, 5) : "not finite";
}

function paintNorm(context, scene, values, group, norm, style) {
  const middle = group.end;
  const condition = conditionOf(values, group.name);
  const x = middle - BAR.width / 2;
  const y = scene.normTop + 5;
  paintTrack(context, x, y, condition, style);
  const share = condition === "exploding" ? 1 : along(values.norm, norm);
  if (share > 0) paintShare(context, x, y, Math.max(1.5, share * BAR.width), condition, style);
  context.textAlign = "center";
  context.font = style.small;
  context.fillStyle = style.text;
  context.fillText(normText(norm), middle, scene.normTop + 27);
  if (!condition) return;
  context.fillStyle = condition === "fading" ? style.muted : style.bad;
  context.fillText(condition, middle, scene.normTop + 41);
}

function paintTrack(context, x, y, condition, style) {
  context.beginPath();
  context.roundRect(x, y, BAR.width, BAR.height, 3.5);
  context.setLineDash(condition === "starving" ? [3, 3] : []);
  context.fillStyle = style.sunken;
  if (condition !== "starving") context.fill();
  context.strokeStyle = condition === "starving" ? style.bad : style.line;
  context.lineWidth = 1;
  context.stroke();
  context.setLineDash([]);
}

function paintShare(context, x, y, width, condition, style) {
  context.save();
  context.beginPath();
  context.roundRect(x, y, width, BAR.height, Math.min(3.5, width / 2));
  context.fillStyle = condition === "exploding" ? style.surface : style.accent;
  context.fill();
  if (condition === "exploding") hatch(context, x, y, width, BAR.height, style.bad, 4);
  context.restore();
}

/** Hatch the path that is set, within a rectangle. */
export function hatch(context, x, y, width, height, shade, pitch) {
  context.clip();
  context.beginPath();
  for (let at = x - height; at < x + width; at += pitch) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.strokeStyle = shade;
  context.lineWidth = 1.3;
  context.stroke();
}
