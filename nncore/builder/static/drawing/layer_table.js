/* The drawing as a table: the same figures, filled only while it is open. */

import { figure, percent } from "../core/format.js";
import { store } from "../core/store.js";
import { fill, h, setText } from "../ui/dom.js";
import { normText } from "./norms.js";

const COLUMNS = [
  ["Shape", (entry, record, shape) => shape],
  ["Weight mean", (entry, record) => figure(record?.weight_mean)],
  ["Weight std", (entry, record) => figure(record?.weight_std)],
  ["Gradient norm", entry => (entry ? normText(entry.gradient_norm) : "–")],
  ["Update ratio", (entry, record) => figure(record?.update_ratio)],
  ["Dead", (entry, record) => percent(record?.dead)],
  ["Saturated", (entry, record) => percent(record?.saturated)],
];

const NOTE = "Gradient norm: by the weight, over the rows that the legend names. The other figures are of the last whole epoch.";

/** Return the table, closed; `stage` is where scene and values come from. */
export function layerTable(stage) {
  const body = h("tbody");
  const ends = h("p", { class: "small muted" });
  const heads = ["Layer", ...COLUMNS.map(([name]) => name)];
  const head = heads.map((name, i) => h("th", { scope: "col", class: i > 1 ? "number" : null }, name));
  const table = h("table", {}, h("caption", { class: "unseen" }, "The layers of the network"), h("thead", {}, h("tr", {}, head)), body);
  const details = h(
    "details",
    { id: "drawing-table", ontoggle: () => fillLayerTable(stage) },
    h("summary", {}, "As a table"),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The layers of the network" }, table),
    ends,
    h("p", { class: "small muted" }, NOTE)
  );
  stage.twin = { details, body, ends, names: "" };
  return details;
}

/** Write the figures of now into the table, if it is open. */
export function fillLayerTable(stage) {
  const { details, body, ends } = stage.twin;
  if (!details.open || !stage.values) return;
  const rows = rowsOf(stage);
  const names = rows.map(([name]) => name).join("\n");
  if (names !== stage.twin.names) fill(body, rows.map(newRow));
  stage.twin.names = names;
  rows.forEach((row, i) => fillRow(body.children[i], row));
  setText(ends, endsOf(stage.scene));
}

function rowsOf({ scene, values }) {
  const units = scene.columns.slice(1).map(column => {
    const group = scene.groups.find(one => one.name === column.name);
    return [column.name, group ? group.shape.join(" × ") : String(column.n), values.groups.get(column.name)?.entry];
  });
  const skips = [...values.arcs.values()].filter(Boolean).map(({ name, entry }) => [name, entry.shape.join(" × "), entry]);
  return [...units, ...skips];
}

function newRow([name]) {
  const cells = COLUMNS.map(([title], i) => h("td", { class: i ? "number" : null, "data-figure": title.toLowerCase().replace(" ", "-") }));
  return h("tr", { "data-layer": name }, h("th", { scope: "row" }, name), cells);
}

function fillRow(row, [name, shape, entry]) {
  const record = store.frame.layers[name];
  COLUMNS.forEach(([, text], i) => setText(row.children[i + 1], text(entry, record, shape)));
  row.dataset.gradientNorm = entry?.gradient_norm ?? "";
}

function endsOf(scene) {
  const last = scene.columns.findLast(column => column.kind !== "mark");
  const outputs = last.labels?.length ? ` Outputs: ${last.labels.join(", ")}.` : "";
  return `Inputs: ${scene.columns[0].labels.join(", ")}.${outputs}`;
}
