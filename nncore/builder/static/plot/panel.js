/* A chart of the run in its frame: title, legend, the chart, and the same numbers as a table. It draws itself anew at
 * most five times a second, only while it is seen, and once more when nothing changes any longer. */

import { on, store } from "../core/store.js";
import { colour, fill, h, setText, svg } from "../ui/dom.js";
import { chart } from "./charts.js";

const WAIT = 200; // ms between two drawings,
const LONGEST_WAIT = 1000; // or more where one takes long: at most a fifth of the time is spent on a chart
const SHARE = 5;

/** Return the frame of a chart.
 *
 * @param about.id of the chart's element
 * @param about.title a function: it may change with the data
 * @param about.note a function: what is drawn, of what, in which unit
 * @param about.legend a function: elements that say which line is which
 * @param about.extra a control beside the title
 * @param about.content a function: {traces, layout}, or null while there is nothing to be drawn
 * @param about.table a function: {head, rows} of the twin, and about.caption what it holds
 * @param about.topics what else makes it draw itself anew
 */
export function panel(about) {
  const parts = frame(about);
  const draw = () => drawn(about, parts);
  const soon = throttled(parts.element, draw);
  for (const topic of ["history", "theme", ...(about.topics ?? [])]) on(topic, soon);
  parts.twin.addEventListener("toggle", soon);
  new ResizeObserver(async () => {
    if (parts.plotly && parts.element.offsetParent !== null) (await parts.plotly)?.Plots.resize(parts.plot);
    soon();
  }).observe(parts.stage);
  return { element: parts.element, soon };
}

function frame(about) {
  const title = h("h3");
  const note = h("p", { class: "muted small" });
  const legend = h("div", { class: "legend small" });
  const plot = h("div", { class: "plot", id: about.id });
  const empty = h("p", { class: "empty muted", hidden: true }, "Press Train to begin");
  const stage = h("div", { class: "stage" }, plot, empty);
  const rows = h("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": about.caption });
  const twin = h("details", { class: "twin small" }, h("summary", {}, about.caption), rows);
  const head = h("header", {}, title, legend);
  const second = h("div", { class: "second" }, note, about.extra);
  return { element: h("div", { class: "panel" }, head, second, stage, twin), title, note, legend, plot, empty, stage, rows, twin };
}

/** Return what draws at most every 200 ms, and only what is seen. */
function throttled(element, draw) {
  let next = 0;
  let timer = null;
  const now = async () => {
    const start = performance.now();
    if (element.offsetParent !== null) await draw();
    const took = performance.now() - start;
    next = start + Math.min(LONGEST_WAIT, Math.max(WAIT, SHARE * took));
  };
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      now();
    }, Math.max(0, next - performance.now()));
  };
}

function drawn(about, parts) {
  const content = about.content();
  setText(parts.title, about.title());
  setText(parts.note, about.note?.() ?? "");
  fill(parts.legend, content && about.legend ? about.legend() : []);
  parts.empty.hidden = content !== null;
  setText(parts.empty, store.state.run.playing ? "It begins after the first epoch" : "Press Train to begin");
  parts.plot.dataset.points = String(content?.points ?? 0);
  const { traces, layout } = content ?? NOTHING;
  const datarevision = (parts.drawings = (parts.drawings ?? 0) + 1); // the curves grow in place, which Plotly does not see
  const kept = { uirevision: null, datarevision }; // and the ranges of the empty chart are not those of the next one
  parts.plotly = chart(parts.plot, traces, { ...layout, ...kept }, `${about.title()}. ${about.note?.() ?? ""}`);
  if (parts.twin.open) fill(parts.rows, table(about.table(), about.title()));
  return parts.plotly;
}

const NO_TICKS = { showticklabels: false, showgrid: false, zeroline: false };
const NOTHING = { traces: [], layout: { xaxis: { range: [0, 1], ...NO_TICKS }, yaxis: { range: [0, 1], ...NO_TICKS } } };

function table({ head, rows }, name) {
  const cell = (tag, values) => values.map((text, i) => h(tag, { class: i ? "number" : null, scope: tag === "th" ? "col" : null }, text));
  return h(
    "table",
    { "aria-label": name },
    h("thead", {}, h("tr", {}, cell("th", head))),
    h("tbody", {}, rows.map(row => h("tr", {}, cell("td", row))))
  );
}

/** Return a piece of a line as it looks in a chart. */
export function legendLine(shade, dashes = "") {
  const line = svg("line", { x1: 1, y1: 4, x2: 27, y2: 4, "stroke-width": 2, "stroke-dasharray": dashes });
  line.style.stroke = shade;
  return svg("svg", { class: "legend-line", viewBox: "0 0 28 8", "aria-hidden": "true" }, line);
}

/** Return the axis of epochs, from 1 to the last one. */
export function epochAxis(epochs) {
  const [first, last] = [epochs[0] ?? 0, Math.max(epochs.at(-1) ?? 1, (epochs[0] ?? 0) + 1)];
  const pad = 0.02 * (last - first);
  const whole = last - first <= 8 ? { dtick: 1, tick0: 0 } : { nticks: 7 };
  const spike = { spikecolor: colour("--edge"), spikethickness: 1, spikedash: "dot", unifiedhovertitle: { text: "epoch %{x:,d}" } };
  return { title: { text: "epoch", standoff: 6 }, range: [first - pad, last + pad], tickformat: ",d", zeroline: false, ...whole, ...spike };
}
