/* The map of what the network decides: of two features as a plane, of one as a line. */

import { count, figure, percent } from "../../core/format.js";
import { dataRows, targetText } from "../../core/rows.js";
import { store } from "../../core/store.js";
import { colour, fill, h, setText } from "../../ui/dom.js";
import { twin } from "../../ui/twin.js";
import { colourBar } from "../../plot/colourbar.js";
import { classMarks, markOf } from "../../plot/marks.js";
import { drawPlane, drawRows, line, nearest, span } from "../../plot/plane.js";
import { css, rgb } from "../../plot/ramp.js";

const FINE = 128; // cells along each axis where nothing is trained
const LIVE = 64;
const STRONGEST = 0.5; // opacity of a class that is certain
const TABLE = 9; // points along each axis in the table

/** The view "decision_map". */
export const decisionMapView = {
  label: ({ n_features: width, classes }) => (width === 1 && !classes ? "Fitted curve" : "Decision map"),
  suits: ({ n_features: width }) => width <= 2,
  pause: 260,
  parts: false,
  make,
};

function make(root) {
  const view = { answer: null, rows: null, plane: null, cell: null, bar: colourBar() };
  const said = h("p", { id: "map-said", class: "figures said", "aria-live": "polite" }, hint());
  const canvas = h("canvas", {
    id: "decision-map",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "map",
    "aria-describedby": said.id,
    "aria-label": `Map of the answers of the network over ${store.state.data.features.join(" and ")}; the arrow keys move a cross`,
    onpointermove: event => point(view, event, said),
    onpointerleave: () => leave(view, said),
    onkeydown: event => walk(view, event, said),
  });
  const table = twin("As a table", () => view.answer && tableOf(view.answer));
  fill(root, h("div", { class: "beside" }, canvas, h("div", { class: "stack" }, h("div", { class: "map-legend" }, legendParts(view)), said, table.element)));
  view.draw = () => draw(canvas, view);
  dataRows().then(rows => {
    view.rows = rows;
    view.draw();
  }, () => {});
  return {
    fields: () => ({ resolution: store.state.run.playing ? LIVE : FINE }),
    show: answer => {
      const finer = answer.x.length / (view.answer?.x.length ?? 1);
      if (view.cell) view.cell = view.cell.map(index => Math.floor(index * finer));
      Object.assign(view, { answer, image: null });
      view.draw();
      table.update();
    },
    redraw: () => {
      view.image = null;
      fill(root.querySelector(".map-legend"), ...legendParts(view));
      view.draw();
    },
  };
}

function hint() {
  const { n_features: width, classes } = store.state.data;
  return `Point at the ${width > 1 || classes ? "map" : "curve"}, or move the cross with the arrow keys.`;
}

// ---- drawing

function draw(canvas, view) {
  const { answer, rows } = view;
  if (!answer || !rows || canvas.offsetParent === null) return;
  const { features, target, classes } = store.state.data;
  const x = { range: extent(answer.x), name: features[0] };
  const paint = answer.y ? paintPlane : answer.classes ? paintStrips : paintCurve;
  const shown = answer.y ? rows : { ...rows, y: rows.target };
  const up = answer.y ? extent(answer.y) : classes ? [-0.7, classes.length - 0.3] : span([...answer.values, ...rows.target]);
  const ticks = !answer.y && classes ? classes.map((text, i) => [i, text]) : undefined;
  const y = { range: up, name: answer.y ? features[1] : target, ticks };
  view.shown = shown;
  view.plane = drawPlane(canvas, { x, y }, plane => {
    paint(plane, view);
    drawRows(plane, shown, marking(view), answer.values && answer.y ? 4.4 : shown.x.length > 500 ? 3 : 3.6);
    if (!answer.y && !answer.classes) curve(plane, answer);
    if (view.cell) cross(plane, view);
  });
}

/** Return the range that cells with these centres cover. */
function extent(centres) {
  const half = (centres.at(-1) - centres[0]) / (centres.length - 1) / 2;
  return [centres[0] - half, centres.at(-1) + half];
}

function paintPlane({ context, box }, view) {
  view.image ??= imageOf(view);
  context.imageSmoothingEnabled = false; // one cell, one answer: nothing in between is made up
  context.drawImage(view.image, box.left, box.top, box.right - box.left, box.bottom - box.top);
  if (view.answer.classes) borders(view.answer.classes, context, box);
}

function imageOf({ answer, rows, bar }) {
  const { classes, values, sure, x, y } = answer;
  const image = new ImageData(x.length, y.length);
  const shades = classes && classMarks(store.state.data.classes.length).map(mark => rgb(mark.colour));
  const { shade } = values ? bar.update([...values.flat(), ...rows.target]) : {};
  const pixel = (i, j) => (values ? [...shade(values[i][j]), 255] : [...(shades[classes[i][j]] ?? rgb("--muted")), 255 * opacity(sure[i][j])]);
  for (let i = 0; i < y.length; i += 1) {
    for (let j = 0; j < x.length; j += 1) image.data.set(pixel(i, j), 4 * ((y.length - 1 - i) * x.length + j));
  }
  const bitmap = h("canvas", { width: x.length, height: y.length });
  bitmap.getContext("2d").putImageData(image, 0, 0);
  return bitmap;
}

/** Return how strong a colour is: nothing where all classes are equally likely. */
function opacity(sure) {
  const least = 1 / Math.max(2, store.state.data.classes.length);
  return STRONGEST * Math.max(0, (sure - least) / (1 - least));
}

/** Draw the lines along which the likeliest class changes. */
function borders(classes, context, box) {
  const n = classes.length;
  const wide = (box.right - box.left) / classes[0].length;
  const tall = (box.bottom - box.top) / n;
  context.beginPath();
  classes.forEach((row, i) => row.forEach((found, j) => {
    const [left, top] = [box.left + j * wide, box.bottom - (i + 1) * tall];
    if (j + 1 < row.length && row[j + 1] !== found) path(context, left + wide, top, left + wide, top + tall);
    if (i + 1 < n && classes[i + 1][j] !== found) path(context, left, top, left + wide, top);
  }));
  context.strokeStyle = colour("--text");
  context.globalAlpha = 0.55;
  context.lineWidth = 1.2;
  context.stroke();
  context.globalAlpha = 1;
}

function path(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

function paintStrips({ context, box }, { answer }) {
  const marks = classMarks(store.state.data.classes.length);
  context.strokeStyle = colour("--muted");
  const left = j => Math.round(box.left + (j * (box.right - box.left)) / answer.x.length);
  answer.classes.forEach((found, j) => {
    context.fillStyle = css(rgb(marks[found]?.colour ?? "--muted"), opacity(answer.sure[j]));
    context.fillRect(left(j), box.top, left(j + 1) - left(j), box.bottom - box.top);
    if (j > 0 && answer.classes[j - 1] !== found) line(context, left(j), box.top, left(j), box.bottom);
  });
}

function paintCurve() {} // it is drawn over the rows

function curve({ context, toX, toY }, { x, values }) {
  for (const [width, name] of [[6, "--surface"], [3, "--text"]]) {
    context.beginPath();
    x.forEach((value, i) => context.lineTo(toX(value), toY(values[i])));
    context.lineWidth = width;
    context.strokeStyle = colour(name);
    context.lineJoin = "round";
    context.stroke();
  }
}

function marking({ answer, rows, bar }) {
  const { classes } = store.state.data;
  if (classes) {
    const marks = classMarks(classes.length);
    return i => marks[rows.target[i]];
  }
  const [edge, plain] = [colour("--text"), { colour: colour("--positive"), symbol: "circle" }];
  return i => (answer.y ? { colour: css(bar.shade(rows.target[i])), symbol: "circle", edge } : plain);
}

function cross({ context, box, toX, toY }, { answer, cell: [j, i] }) {
  context.strokeStyle = colour("--text");
  context.lineWidth = 1;
  line(context, toX(answer.x[j]), box.top, toX(answer.x[j]), box.bottom);
  if (answer.y) line(context, box.left, toY(answer.y[i]), box.right, toY(answer.y[i]));
}

// ---- what is at a point

function point(view, event, said) {
  if (!view.plane || !view.answer) return;
  const { box, fromX, fromY } = view.plane;
  const { offsetX: left, offsetY: top } = event;
  if (left < box.left || left > box.right || top < box.top || top > box.bottom) return leave(view, said);
  const near = nearest(view.plane, view.shown, left, top);
  const at = (centres, value) => Math.min(centres.length - 1, Math.max(0, Math.floor(((value - extent(centres)[0]) / (extent(centres)[1] - extent(centres)[0])) * centres.length)));
  const cell = [at(view.answer.x, fromX(left)), view.answer.y ? at(view.answer.y, fromY(top)) : 0];
  setText(said, near === null ? answerAt(view.answer, cell) : `${rowText(view, near)}. ${answerAt(view.answer, cell)}`);
}

function leave(view, said) {
  if (!view.cell) setText(said, hint());
}

function walk(view, event, said) {
  const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!view.answer || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape") view.cell = null;
  if (!step) return view.draw();
  event.preventDefault();
  const { x, y } = view.answer;
  const size = (event.shiftKey ? 0.125 : 1 / 32) * x.length;
  const start = view.cell ?? [x.length >> 1, (y?.length ?? 0) >> 1];
  const move = (value, by, n) => Math.round(Math.min(n - 1, Math.max(0, value + by * size)));
  view.cell = [move(start[0], step[0], x.length), y ? move(start[1], step[1], y.length) : 0];
  view.draw();
  setText(said, answerAt(view.answer, view.cell));
}

function rowText({ rows }, i) {
  return `Row ${rows.rows[i]}: ${targetText(rows.target[i], figure)}${rows.held_out[i] ? ", held out" : ""}`;
}

function answerAt({ x, y, classes, sure, values }, [j, i]) {
  const { features, target } = store.state.data;
  const at = table => (y ? table[i]?.[j] : table[j]);
  const place = [`${features[0]} ${figure(x[j], 3)}`, ...(y ? [`${features[1]} ${figure(y[i], 3)}`] : [])].join(", ");
  const answer = classes ? `${target} ${className(at(classes))}, ${percent(at(sure))}` : `${target} ${figure(at(values))}`;
  return `At ${place}: ${answer}`;
}

function className(number) {
  return store.state.data.classes[number] ?? `class ${number}`;
}

// ---- legend and table

function legendParts({ bar }) {
  const { classes, n_held_out: held, n_features: width } = store.state.data;
  const entry = (mark, text, hollow) => h("li", {}, markOf(mark, hollow), h("span", {}, text));
  const plain = { colour: "currentColor", symbol: "circle" };
  const named = classes ? classMarks(classes.length).map((mark, i) => entry(mark, classes[i])).slice(0, 20) : [entry({ ...plain, colour: width === 1 ? colour("--positive") : "currentColor" }, "Rows of the data")];
  const meaning = classes
    ? "The colour is the likeliest class: the stronger, the more certain. Lines: there it changes."
    : width === 1 ? "The line is what the network predicts." : "The ground is what the network predicts, the marks are the true values, in the same colours.";
  return [
    h("ul", { class: "marks" }, named, held > 0 && entry(plain, "Hollow: held out", true)),
    !classes && width === 2 && bar.element,
    h("p", { class: "muted small" }, meaning),
  ];
}

function tableOf(answer) {
  const { features, classes, target } = store.state.data;
  const pick = centres => Array.from({ length: TABLE }, (_, i) => Math.round((i * (centres.length - 1)) / (TABLE - 1)));
  const text = (i, j) => (classes ? `${className(i === null ? answer.classes[j] : answer.classes[i][j])} ${percent(i === null ? answer.sure[j] : answer.sure[i][j], 0)}` : figure(i === null ? answer.values[j] : answer.values[i][j]));
  if (!answer.y) return { head: [features[0], target], rows: pick(answer.x).map(j => [figure(answer.x[j], 3), text(null, j)]) };
  return {
    head: [`${features[1]} \\ ${features[0]}`, ...pick(answer.x).map(j => figure(answer.x[j], 3))],
    rows: pick(answer.y).reverse().map(i => [figure(answer.y[i], 3), ...pick(answer.x).map(j => text(i, j))]),
    note: `${count(TABLE * TABLE)} of ${count(answer.x.length * answer.y.length)} points.`,
  };
}
