/* Predicted against true values, in the target's own units. */

import { count, figure } from "../../core/format.js";
import { dataRows } from "../../core/rows.js";
import { store } from "../../core/store.js";
import { colour, fill, h, setText } from "../../ui/dom.js";
import { twin } from "../../ui/twin.js";
import { markOf } from "../../plot/marks.js";
import { drawPlane, drawRows, nearest, span } from "../../plot/plane.js";

const MOST_LISTED = 100;
const ERRORS = [["mae", "Mean absolute error"], ["rmse", "RMSE"]];
const HINT = "Point at a row to see it.";

/** The view "predicted_vs_true". */
export const predictedVsTrueView = {
  label: () => "Predicted vs true",
  suits: ({ classes }) => !classes,
  pause: 1000,
  parts: true,
  make,
};

function make(root) {
  const view = { points: null, plane: null };
  const said = h("p", { class: "figures said", "aria-hidden": "true" }, HINT);
  const { target } = store.state.data;
  const canvas = h("canvas", {
    id: "predicted-vs-true",
    role: "img",
    "aria-label": `Predicted against true ${target}; the table beside it has the same`,
    onpointermove: event => say(view, event, said),
    onpointerleave: () => setText(said, HINT),
  });
  const table = twin("As a table", () => view.points && tableOf(view.points));
  const solid = { colour: "currentColor", symbol: "circle" };
  const legend = h("ul", { class: "marks" }, h("li", {}, markOf(solid), "Trained on"), h("li", {}, markOf(solid, true), "Hollow: held out"));
  const errors = h("dl", { id: "errors", class: "figures" });
  const text = h("p", { class: "muted small" }, "On the dashed line a prediction is exact; above it, it is too high.");
  fill(root, h("div", { class: "beside" }, canvas, h("div", { class: "stack" }, errors, legend, text, said, table.element)));
  return {
    fields: () => ({}),
    redraw: () => draw(canvas, view),
    show: async (answer, part) => {
      view.points = await pointsOf(answer, part);
      fill(errors, ERRORS.map(([name, label]) => errorOf(name, label, answer)));
      draw(canvas, view);
      table.update();
    },
  };
}

/** Return one of the errors over the rows asked for, or nothing where the core does not tell it. */
function errorOf(name, label, { [name]: value }) {
  if (typeof value !== "number") return null;
  return h("div", {}, h("dt", { class: "muted small" }, label), h("dd", { "data-error": name, "data-value": value }, figure(value)));
}

/** Return the answer as points; where all rows were asked for, the preview knows which of them are held out. */
async function pointsOf({ rows, true: truth, predicted }, part) {
  const { rows: known, held_out: held } = await dataRows();
  const hollow = new Map(known.map((row, i) => [row, held[i]]));
  return { rows, x: truth, y: predicted, held_out: rows.map(row => (part === "all" ? (hollow.get(row) ?? false) : part === "held_out")) };
}

function draw(canvas, view) {
  if (!view.points || canvas.offsetParent === null) return;
  const { x, y } = view.points;
  const range = span([...x, ...y]);
  const { target } = store.state.data;
  const axes = { x: { range, name: `true ${target}` }, y: { range, name: `predicted ${target}` } };
  view.plane = drawPlane(canvas, axes, plane => {
    diagonal(plane, range);
    const mark = { colour: colour("--positive"), symbol: "circle" };
    drawRows(plane, view.points, () => mark);
  });
}

function diagonal({ context, toX, toY }, [low, high]) {
  context.strokeStyle = colour("--edge");
  context.lineWidth = 1.4;
  context.setLineDash([6, 4]);
  context.beginPath();
  context.moveTo(toX(low), toY(low));
  context.lineTo(toX(high), toY(high));
  context.stroke();
  context.setLineDash([]);
}

function say({ plane, points }, event, said) {
  const i = plane && nearest(plane, points, event.offsetX, event.offsetY);
  setText(said, i === null ? HINT : `Row ${points.rows[i]}: true ${figure(points.x[i])}, predicted ${figure(points.y[i])}`);
}

function tableOf({ rows, x, y, held_out: held }) {
  return {
    head: ["Row", "True", "Predicted", "Part"],
    rows: rows.slice(0, MOST_LISTED).map((row, i) => [row, figure(x[i], 6), figure(y[i], 6), held[i] ? "held out" : "trained on"]),
    note: `${count(Math.min(MOST_LISTED, rows.length))} of ${count(rows.length)} points.`,
  };
}
