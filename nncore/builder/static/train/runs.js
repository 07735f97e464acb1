/* Runs that are kept to be compared: their curves lie thin behind those of the run that is trained now.
 *
 * They live in this page alone, through edits, starting points and a reload of the page, but not when it is closed. */

import { isFunction } from "../core/activations.js";
import { count, figure, spaced, steady } from "../core/format.js";
import { hoverFormat, scoreName } from "../core/score.js";
import { emit, on, store } from "../core/store.js";
import { fill, h } from "../ui/dom.js";
import { button, segments } from "../ui/forms.js";
import { announce } from "../ui/notices.js";
import { seriesColours, SYMBOLS } from "../plot/charts.js";
import { legendLine } from "../plot/panel.js";

const MOST = 6;
const KEY = "runs";
/** What tells kept runs apart besides their colours: dashes as Plotly and as SVG name them. */
const DASHES = ["dot", "dashdot", "longdash", "longdashdot", "8px,2px,2px,2px,2px,2px", "3px,6px"];

let kept = read();
let part = ""; // of a column's name: "" for training, "val_" for held out

/** Put the part into `root`. */
export function mountRuns(root) {
  const keep = button("Keep this run", "pin", keepRun);
  keep.id = "keep-run";
  const which = whichPart();
  const rows = h("tbody", { role: "rowgroup" });
  const table = h("table", { id: "runs-table", role: "table", "aria-label": "Runs that are kept" }, head(), rows);
  const hint = h("p", { class: "muted small" }, "Its curves stay behind those of the next one, whatever is changed.");
  fill(root, h("header", {}, keep, which), hint, table);
  const show = () => {
    const full = kept.length >= MOST;
    keep.disabled = full || !store.history.epoch.length;
    keep.title = full ? `${MOST} runs are kept; take one out first` : "Keep the curves of this run to compare others with";
    which.hidden = table.hidden = !kept.length;
    hint.hidden = !table.hidden;
  };
  const draw = () => {
    fill(rows, kept.map((run, i) => row(run, i, keep)));
    show();
  };
  on("runs", draw);
  on("theme", draw);
  on("history", show);
  draw();
}

function whichPart() {
  const choice = segments("Which of their curves are drawn", [["", "training"], ["val_", "held out"]], part, chosen => {
    part = chosen;
    emit("runs");
  });
  choice.id = "runs-part";
  return choice;
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return []; // of an earlier page that wrote something else
  }
}

function changed() {
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  emit("runs");
}

// ---- what is kept of a run

function keepRun() {
  const { state, history } = store;
  const last = name => history.columns[name]?.at(-1) ?? null;
  const slot = DASHES.findIndex((_, i) => kept.every(run => run.slot !== i));
  const run = {
    slot,
    label: `Run ${slot + 1}`,
    data: state.data.title,
    layers: layersText(state.layers),
    optimizer: `${state.optimizer.type} ${rateText(state.optimizer.learning_rate)}`,
    lossName: state.training.loss_name,
    epoch: [...history.epoch],
    columns: Object.fromEntries(["loss", scoreName()].flatMap(name => [name, `val_${name}`]).map(name => [name, [...(history.columns[name] ?? [])]])),
    loss: last("loss"),
    heldOut: last("val_loss"),
    best: lowest(history.columns.val_loss ?? []),
    parameters: state.n_parameters,
  };
  kept.push(run);
  changed();
  announce(`${run.label} is kept: ${run.layers}`);
}

/** Return the layers in short; the same ones in a row once: "8 × 16 sigmoid, 2 softmax". */
function layersText(layers) {
  const groups = [];
  for (const text of layers.map(short)) {
    if (groups.at(-1)?.text === text) groups.at(-1).n += 1;
    else groups.push({ text, n: 1 });
  }
  return groups.map(({ text, n }) => (n > 1 ? `${n} × ${text}` : text)).join(", ");
}

/** Return a layer in a word or two: "32 relu", "dropout 0.5". */
function short(layer) {
  if (layer.layers) return `residual (${layersText(layer.layers)})`;
  const name = layer.activation?.name ?? layer.name;
  if (layer.units !== undefined) return name && name !== "identity" ? `${layer.units} ${name}` : String(layer.units);
  if (isFunction(layer.type)) return layer.name;
  const kind = spaced(layer.type);
  return layer.rate === undefined ? kind : `${kind} ${layer.rate}`;
}

function rateText(rate) {
  return typeof rate === "number" ? figure(rate, 3) : spaced(rate.type);
}

function lowest(values) {
  const known = values.filter(value => value !== null);
  return known.length ? Math.min(...known) : null;
}

// ---- their curves

/** Return the curves of a column of the runs kept: only those that mean the same as this run's. */
export function keptTraces(name) {
  const same = run => (name === "loss" ? run.lossName === store.state.training.loss_name : true) && run.columns[part + name]?.length;
  return kept.filter(same).map(run => ({
    type: "scatter",
    mode: run.epoch.length > 1 ? "lines" : "markers",
    x: run.epoch,
    y: run.columns[part + name],
    name: `${run.label}${part ? ", held out" : ""}`,
    line: { color: shadeOf(run), width: 1.2, dash: DASHES[run.slot] },
    marker: { color: shadeOf(run), symbol: SYMBOLS[run.slot + 2] },
    hovertemplate: `%{y:${hoverFormat(name)}}`,
  }));
}

function shadeOf({ slot }) {
  return seriesColours()[slot + 2]; // the first two are those of the run that is trained now
}

function dashesOf({ slot }) {
  const named = { dot: "2 3", dashdot: "7 3 2 3", longdash: "10 3", longdashdot: "10 3 2 3" };
  return named[DASHES[slot]] ?? DASHES[slot].replaceAll("px", "").replaceAll(",", " ");
}

// ---- the table

const HEADS = [
  ["Run", null],
  ["Layers", null],
  ["Optimizer", "and its learning rate"],
  ["Parameters", null],
  ["Epochs", null],
  ["Loss", "after the last epoch"],
  ["Held out", "loss of the rows held out, after the last epoch"],
  ["Best", "loss of the rows held out, the lowest of the epochs whose curves are kept"],
  ["Take out", null],
];

// the roles are said aloud, for where each row is laid out as a card the browser no longer knows of a table

function head() {
  const cells = HEADS.map(([name, title]) => h("th", { role: "columnheader", scope: "col", title }, name));
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, cells));
}

function row(run, i, keep) {
  const cells = [
    h("span", { class: "run-name" }, legendLine(shadeOf(run), dashesOf(run)), labelBox(run)),
    h("span", {}, h("span", { class: "muted" }, `${run.data}: `), run.layers),
    run.optimizer,
    count(run.parameters),
    count(run.epoch.at(-1)),
    steady(run.loss),
    steady(run.heldOut),
    steady(run.best),
    removeButton(run, keep),
  ];
  const td = (content, column) => h("td", { role: "cell", class: column > 2 && column < 8 ? "number" : null, "data-head": HEADS[column][0] }, content);
  return h("tr", { role: "row", "data-run": i, "data-loss": String(run.loss) }, cells.map(td));
}

function labelBox(run) {
  const rename = event => {
    run.label = event.target.value.trim() || run.label;
    changed();
  };
  return h("input", { type: "text", value: run.label, maxlength: 40, "aria-label": "Name of the run", onchange: rename });
}

function removeButton(run, keep) {
  const remove = () => {
    kept = kept.filter(other => other !== run);
    changed();
    keep.focus();
  };
  return button(`Take out ${run.label}`, "close", remove, { iconOnly: true, kind: "plain small" });
}
