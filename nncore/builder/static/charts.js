/* Charts by Plotly, which the server takes out of the installed package. It is loaded when the first chart is drawn. */

import { colour, h } from "./dom.js";

let loading = null;

/** Return Plotly, loaded once. */
function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const failed = () => reject(new Error("the charts could not be loaded"));
    const done = () => {
      delete document.head.appendChild;
      resolve(window.Plotly);
    };
    document.head.appendChild = withoutSheets;
    document.head.append(h("script", { src: "/plotly.min.js", onload: done, onerror: failed }));
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
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const Plotly = await plotly();
  const { xaxis, yaxis, ...others } = layout;
  await Plotly.react(element, traces, { ...base(), ...others, xaxis: axis(xaxis), yaxis: axis(yaxis) }, CONFIG);
  return Plotly;
}

/** Colours of classes and runs, in order; beyond four, symbols and texts tell them apart as well. */
export function palette() {
  const more = ["#e69f00", "#56b4e9", "#7f7f7f", "#8c6d31", "#6b6ecf", "#17becf"];
  return [...["--positive", "--negative", "--third", "--fourth"].map(colour), ...more];
}

/** Symbols that go with the colours of `palette`. */
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
