/* Charts by Plotly, which the server takes out of the installed package. It is loaded when the first chart is drawn. */

import { colour, fill, h } from "../ui/dom.js";
import { button } from "../ui/forms.js";

const PATIENCE = 5000; // ms until what could not be loaded is tried again

const waiting = new Map(); // charts that Plotly could not be loaded for: element -> [traces, layout, label]
let loading = null;
let again = null; // the timer of the next attempt, while none is under way

/** Return Plotly, loaded once; null where it could not be loaded. */
function plotly() {
  loading ??= new Promise(resolve => {
    const done = () => {
      delete document.head.appendChild;
      if (!window.Plotly) again = setTimeout(loadAgain, PATIENCE);
      resolve(window.Plotly ?? null);
    };
    document.head.appendChild = withoutSheets;
    document.head.append(h("script", { src: "/plotly.min.js", onload: done, onerror: done }));
  });
  return loading;
}

/** Plotly brings a style sheet for its geographic maps along. The page's policy forbids it, and there is no map: while
 * Plotly is loaded, sheets with a text are left out. */
function withoutSheets(node) {
  return node.localName === "style" && node.textContent ? node : Node.prototype.appendChild.call(this, node);
}

/** Draw a chart into an element, or change the one that is there. `label` says to a screen reader what it shows.
 *
 * Layout and traces are Plotly's; colours, type and margins are the page's unless they say otherwise. */
export async function chart(element, traces, layout, label) {
  const Plotly = await plotly();
  if (!Plotly) return sayMissing(element, [traces, layout, label]);
  if (waiting.delete(element)) fill(element);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const { xaxis, yaxis, ...others } = layout;
  await Plotly.react(element, traces, { ...base(), ...others, xaxis: axis(xaxis), yaxis: axis(yaxis) }, CONFIG);
  return Plotly;
}

/** Say at the place of a chart that there is none, and why; it is drawn as soon as Plotly can be loaded. */
function sayMissing(element, content) {
  if (!waiting.has(element)) {
    const text = "The charts could not be loaded. The page tries again; the table below has the same numbers.";
    fill(element, h("div", { class: "no-chart muted small" }, h("p", {}, text), button("Try again", null, loadAgain, { kind: "small" })));
  }
  waiting.set(element, content);
  return null;
}

/** Load Plotly once more, and draw what waits for it. */
async function loadAgain() {
  if (again === null) return;
  clearTimeout(again);
  again = loading = null;
  if (await plotly()) for (const [element, content] of [...waiting]) chart(element, ...content);
}

/** Colours of classes and runs, in order; beyond four, symbols and texts tell them apart as well. */
export function seriesColours() {
  const more = ["#e69f00", "#56b4e9", "#7f7f7f", "#8c6d31", "#6b6ecf", "#17becf"];
  return [...["--positive", "--negative", "--third", "--fourth"].map(colour), ...more];
}

/** Symbols that go with the colours of `seriesColours`. */
export const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "cross", "x", "star", "pentagon", "hexagon", "triangle-down"];

const CONFIG = { displayModeBar: false, responsive: true, showTips: false, staticPlot: false, doubleClick: "reset" };

function base() {
  const font = getComputedStyle(document.documentElement);
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: font.fontFamily, size: fontSize(), color: colour("--muted") },
    margin: { l: 52, r: 10, t: 8, b: 38 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    hoverlabel: { bgcolor: colour("--surface"), bordercolor: colour("--edge"), font: { color: colour("--text"), size: 0.94 * fontSize() } },
    showlegend: false,
    uirevision: "kept",
  };
}

function fontSize() {
  return 0.86 * parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function axis(given = {}) {
  const line = colour("--line");
  const title = given.title && { ...given.title, font: { size: fontSize() } };
  return { gridcolor: line, zerolinecolor: line, linecolor: colour("--edge"), ticks: "", automargin: true, fixedrange: true, ...given, title };
}
