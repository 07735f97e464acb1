/* A plane with two axes on a canvas, and rows of the data as marks in it. */

import { figure } from "../core/format.js";
import { colour, fitted, sharp } from "../ui/dom.js";
import { drawMark } from "./marks.js";

const USUAL = 11.5; // size of the texts for which the marks' radius is meant
const FEWEST = 5; // ticks that always have room; a step 2.5 times as coarse still has two of them
const NEAR = 14; // pixels from the pointer to a mark that counts as pointed at

/** Return the range of numbers with a margin, as [low, high]. */
export function span(values, margin = 0.06) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const more = high > low ? margin * (high - low) : 1;
  return [low - more, high + more];
}

/** Draw the axes, then what `paint` paints between them; return how to go from numbers to pixels and back.
 *
 * `x` and `y` are {range: [low, high], name, ticks?: [[value, text]]}. */
export function drawPlane(canvas, { x, y }, paint) {
  const { context, width, height } = sharp(canvas);
  const size = 0.82 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  context.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const yTicks = y.ticks ?? ticks(y.range, height / (4 * size));
  const left = Math.ceil(Math.max(...yTicks.map(([, text]) => context.measureText(short(text)).width), 0)) + 8;
  const box = { left, top: 1.7 * size, right: width - 10, bottom: height - 3.1 * size };
  const plane = { context, box, size, ...mapping(box, x.range, y.range) };
  axes(plane, x, y, x.ticks ?? ticks(x.range, (box.right - box.left) / (4.5 * size)), yTicks);
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.clip();
  paint(plane);
  context.restore();
  return plane;
}

function mapping(box, [xLow, xHigh], [yLow, yHigh]) {
  const wide = (box.right - box.left) / (xHigh - xLow);
  const tall = (box.bottom - box.top) / (yHigh - yLow);
  return {
    toX: value => box.left + (value - xLow) * wide,
    toY: value => box.bottom - (value - yLow) * tall,
    fromX: pixel => xLow + (pixel - box.left) / wide,
    fromY: pixel => yLow + (box.bottom - pixel) / tall,
  };
}

function axes({ context, box, size, toX, toY }, x, y, xTicks, yTicks) {
  context.lineWidth = 1;
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--muted");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const [value, text] of yTicks) {
    line(context, box.left, toY(value), box.right, toY(value));
    context.fillText(short(text), box.left - 6, toY(value));
  }
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const [value, text] of xTicks) {
    line(context, toX(value), box.top, toX(value), box.bottom);
    context.fillText(short(text), Math.min(toX(value), box.right - context.measureText(text).width / 2 + 8), box.bottom + 5);
  }
  context.textAlign = "right";
  context.fillText(fitted(context, x.name, box.right), box.right, box.bottom + 6 + 1.3 * size);
  context.textAlign = "left";
  context.fillText(fitted(context, y.name, box.right), 0, 0);
}

/** Draw a line that is sharp where it is level or upright. */
export function line(context, x0, y0, x1, y1) {
  const crisp = value => Math.round(value) + 0.5;
  context.beginPath();
  context.moveTo(crisp(x0), crisp(y0));
  context.lineTo(crisp(x1), crisp(y1));
  context.stroke();
}

function short(text) {
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}

/** Return round numbers of a range with their texts: of the finest step with at most so many, and no fewer than two. */
function ticks([low, high], most) {
  const within = step => Math.floor(high / step) - Math.ceil(low / step) + 1;
  const power = 10 ** Math.floor(Math.log10((high - low) / 10));
  const step = [1, 2, 5, 10, 20, 50].map(factor => factor * power).find(one => within(one) <= Math.max(FEWEST, most));
  const first = Math.ceil(low / step);
  return Array.from({ length: within(step) }, (_, i) => (first + i) * step).map(value => [value, figure(value || 0, 3)]);
}

/** Draw rows as marks: those held out hollow and last, so that none is hidden behind the others. */
export function drawRows({ context, size, toX, toY }, { x, y, held_out }, markAt, radius = 3.4) {
  const scaled = (radius * size) / USUAL;
  const ground = colour("--surface");
  for (const hollow of [false, true]) {
    for (let i = 0; i < x.length; i += 1) {
      if ((held_out[i] ?? false) === hollow) drawMark(context, markAt(i), toX(x[i]), toY(y[i]), { radius: scaled, hollow, ground });
    }
  }
}

/** Return the index of the row whose mark is nearest to a point of the canvas, or null if none is near. */
export function nearest({ toX, toY }, { x, y }, left, top) {
  let best = null;
  let least = NEAR * NEAR;
  for (let i = 0; i < x.length; i += 1) {
    const distance = (toX(x[i]) - left) ** 2 + (toY(y[i]) - top) ** 2;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
