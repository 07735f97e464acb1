/* The charts of the run: loss and score over the epochs, and what happens in each layer. */

import { count, figure, words } from "../core/format.js";
import { hoverFormat, isShare, scoreLabel, scoreName } from "../core/score.js";
import { store } from "../core/store.js";
import { colour, fill, h } from "../ui/dom.js";
import { segments, toggle } from "../ui/forms.js";
import { epochAxis, legendLine, panel } from "../plot/panel.js";
import { keptTraces } from "./runs.js";

const FEW = 25; // points; that many are marked, for a line of one point is none
const ROWS = 10; // of a table
const USUAL = [3e-4, 3e-3]; // update ratios around 1e-3, which the doctor takes for usual as well
const DASHED = "6 4";
const HEIGHT = 0.86; // of a histogram, in shares of the place of a layer

/** Put the loss over time into `root`; return the switch of its axis. */
export function mountLoss(root) {
  let log = false;
  const change = on => {
    log = on;
    loss.soon();
  };
  const box = toggle(log, change);
  box.id = "log-switch";
  box.setAttribute("aria-keyshortcuts", "L");
  box.setAttribute("aria-label", "Logarithmic axis");
  const loss = panel({
    id: "loss-chart",
    title: () => "Loss over time",
    note: () => words(store.state.training.loss_name),
    legend: twoLines,
    extra: h("label", { class: "check small", title: "Logarithmic axis (L)" }, box, "log"),
    content: () => overTime("loss", log ? { type: "log", exponentformat: "e" } : { rangemode: "tozero" }, "loss"),
    table: () => lastRows("loss", "loss"),
    caption: "The last 10 points as a table",
    topics: ["runs"],
  });
  fill(root, loss.element);
  return { log: box };
}

/** Put the other curves into `root`, one at a time. */
export function mountCurves(root) {
  const all = { score: scorePanel(), gradients: gradientPanel(), updates: updatePanel(), weights: weightPanel() };
  const names = [["score", "Score"], ["gradients", "Gradients"], ["updates", "Updates"], ["weights", "Weights"]];
  const show = name => {
    for (const [other, { element, soon }] of Object.entries(all)) {
      element.hidden = other !== name;
      soon();
    }
  };
  const choice = segments("Which curves", names, "score", show);
  choice.id = "curves-choice";
  fill(root, choice, Object.values(all).map(({ element }) => element));
  show("score");
}

// ---- the whole network

function scorePanel() {
  return panel({
    id: "score-chart",
    title: () => `${scoreLabel()} over time`,
    note: () => (isShare() ? "share of rows that are right" : words(scoreName())),
    legend: twoLines,
    content: () => overTime(scoreName(), isShare() ? { tickformat: ".0%", autorangeoptions: { clipmin: 0, clipmax: 1.03 } } : {}, words(scoreName())),
    table: () => lastRows(scoreName(), words(scoreName())),
    caption: "The last 10 points as a table",
    topics: ["runs"],
  });
}

/** Return the curves of a column: in training and held out, with those of the runs that are kept behind them. */
function overTime(name, yaxis, title) {
  const { epoch, columns } = store.history;
  const kept = keptTraces(name);
  if (!epoch.length && !kept.length) return null;
  const both = [
    line(epoch, columns[name], "training", colour("--positive"), { format: hoverFormat(name) }),
    line(epoch, columns[`val_${name}`], "held out", colour("--negative"), { format: hoverFormat(name), dash: "dash", symbol: "square" }),
  ].filter(trace => trace !== null);
  const reach = [1, Math.max(1, ...[...kept, ...both].map(trace => trace.x.at(-1) ?? 1))];
  const layout = { hovermode: "x unified", xaxis: epochAxis(reach), yaxis: { title: { text: title, standoff: 8 }, ...yaxis } };
  return { traces: [...kept, ...both], layout, points: epoch.length };
}

function line(x, y, name, shade, { format, dash = "solid", symbol = "circle" }) {
  if (!y) return null;
  const mode = x.length <= FEW ? "lines+markers" : "lines";
  return { type: "scatter", x, y, name, mode, line: { color: shade, width: 2, dash }, marker: { symbol, size: 5 }, hovertemplate: `%{y:${format}}` };
}

function twoLines() {
  const held = store.history.columns.val_loss ? [legendLine(colour("--negative"), DASHED), h("span", {}, "held out")] : [];
  return [legendLine(colour("--positive")), h("span", {}, "training"), ...held];
}

function lastRows(name, title) {
  const { epoch, columns } = store.history;
  const shown = [[title, columns[name]], [`held-out ${title}`, columns[`val_${name}`]]].filter(([, column]) => column);
  const rows = newest(epoch.length).map(i => [count(epoch[i]), ...shown.map(([, column]) => figure(column[i], 6))]);
  return { head: ["epoch", ...shown.map(([head]) => head)], rows };
}

function newest(n) {
  return Array.from({ length: Math.min(ROWS, n) }, (_, i) => n - 1 - i);
}

// ---- its layers

function gradientPanel() {
  return layerPanel("gradient-chart", "Gradient norms", "by all parameters of a layer, at the last full batch of an epoch", "gradient_norm", {});
}

function updatePanel() {
  const [low, high] = USUAL;
  const band = () => ({ shapes: [{ type: "rect", xref: "paper", x0: 0, x1: 1, y0: low, y1: high, line: { width: 0 }, fillcolor: colour("--good-soft"), layer: "below" }] });
  const note = "size of a step over size of the weight; around 0.001, the green band, is usual";
  return layerPanel("update-chart", "Update ratios", note, "update_ratio", band);
}

/** Return the frame of the curves of one number of each layer, on a logarithmic axis. */
function layerPanel(id, title, note, key, extra) {
  return panel({
    id,
    title: () => title,
    note: () => note + hiddenZeros(key),
    legend: shades,
    content: () => perLayer(key, title, typeof extra === "function" ? extra() : extra),
    table: () => layerRows(key),
    caption: "The last 10 points as a table",
  });
}

/** Return the layers that have ever had a number of this key, in the order of the network. */
function layersWith(key) {
  const known = store.state.names.map(name => [name, store.history.layers[name]]);
  return known.filter(([, layer]) => layer?.[key]?.some(value => value !== null));
}

function perLayer(key, title, layout) {
  const layers = layersWith(key);
  if (!layers.length) return null;
  const traces = layers.map(([name, layer], i) => line(layer.epoch, layer[key], name, shade(i, layers.length), { format: ".3g" }));
  const yaxis = { type: "log", exponentformat: "e", title: { text: words(key), standoff: 8 } };
  const last = Math.max(...layers.map(([, layer]) => layer.epoch.at(-1)));
  return { traces, layout: { hovermode: "x unified", xaxis: epochAxis([1, last]), yaxis, ...layout }, points: layers[0][1].epoch.length };
}

function hiddenZeros(key) {
  const zeros = layersWith(key).flatMap(([, layer]) => layer[key]).filter(value => value === 0).length;
  return zeros ? `; ${count(zeros)} of 0 have no place on this axis` : "";
}

function layerRows(key) {
  const layers = layersWith(key);
  const epochs = layers[0]?.[1].epoch ?? [];
  const at = (layer, epoch) => layer[key][layer.epoch.lastIndexOf(epoch)];
  const rows = newest(epochs.length).map(i => [count(epochs[i]), ...layers.map(([, layer]) => figure(at(layer, epochs[i])))]);
  return { head: ["epoch", ...layers.map(([name]) => name)], rows };
}

/** Return the shade of a layer: pale for the first one, strong for the last. */
function shade(i, n) {
  const [from, to] = ["--edge", "--accent"].map(name => channels(colour(name)));
  const share = n > 1 ? i / (n - 1) : 1;
  return `rgb(${from.map((value, channel) => Math.round(value + share * (to[channel] - value))).join(",")})`;
}

function channels(hex) {
  return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
}

function shades() {
  const names = layersWith("gradient_norm").map(([name]) => name);
  const ends = names.length > 1 ? [0, names.length - 1] : [0];
  return ends.map(i => [legendLine(shade(i, names.length)), h("span", {}, names[i] ?? "")]);
}

// ---- their weights

function weightPanel() {
  return panel({
    id: "weight-chart",
    title: () => "Weights",
    note: weightNote,
    content: histograms,
    table: weightRows,
    caption: "Their range as a table",
  });
}

function weightNote() {
  const epochs = layersWithWeights().map(([, layer]) => layer.epoch + 1);
  return `how many have which value, each layer to its own height${epochs.length ? `; epoch ${count(Math.max(...epochs))}` : ""}`;
}

function layersWithWeights() {
  const layers = store.frame?.layers ?? {};
  return store.state.names.filter(name => layers[name]?.weight_min !== null && layers[name]?.histogram).map(name => [name, layers[name]]);
}

function histograms() {
  const layers = layersWithWeights();
  if (!layers.length) return null;
  const places = layers.map((_, i) => layers.length - 1 - i); // the first layer on top
  const ticks = { tickmode: "array", tickvals: places.map(at => at + HEIGHT / 2), ticktext: layers.map(([name]) => name) };
  const yaxis = { ...ticks, range: [-0.08, layers.length], showgrid: false, zeroline: false };
  const xaxis = { title: { text: "weight", standoff: 6 }, nticks: 7 };
  const traces = layers.map(([name, layer], i) => histogram(name, layer, places[i], shade(i, layers.length)));
  return { traces, layout: { xaxis, yaxis, bargap: 0, barmode: "overlay" }, points: layers.length };
}

/** Return the histogram of a layer as bars that stand in its place. */
function histogram(name, { weight_min: low, weight_max: high, histogram: counts }, place, fill) {
  const width = (high - low) / counts.length || 1e-3;
  const most = Math.max(...counts, 1);
  const total = counts.reduce((sum, value) => sum + value, 0);
  const text = counts.map((value, i) => `${name}: ${count(value)} of ${count(total)}<br>${figure(low + i * width, 3)} to ${figure(low + (i + 1) * width, 3)}`);
  return {
    type: "bar",
    x: counts.map((_, i) => low + (i + 0.5) * width),
    y: counts.map(value => (HEIGHT * value) / most),
    width,
    base: place,
    marker: { color: fill, line: { width: 0 } },
    text,
    textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
  };
}

function weightRows() {
  const columns = ["weight_min", "weight_mean", "weight_max", "weight_std"];
  const rows = layersWithWeights().map(([name, layer]) => [name, ...columns.map(column => figure(layer[column]))]);
  return { head: ["layer", ...columns.map(column => words(column.replace("weight_", "")))], rows };
}
