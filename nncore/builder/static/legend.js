/* What the marks of the drawing mean, with the scales of now. */

import { h, setText, svg } from "./dom.js";
import { MOST_MOVING } from "./edges.js";
import { figure } from "./format.js";
import { segments } from "./forms.js";
import { store } from "./store.js";

/** Return switch and legend; `onmode` is called with "weights" or "gradients". */
export function legend(stage, onmode) {
  const size = h("span", { class: "figures drawing-size" });
  const gradient = h("span", { class: "figures" });
  stage.legend = { size, gradient };
  const line = kind => svg("svg", { class: `sample ${kind}`, viewBox: "0 0 26 12", "aria-hidden": "true" }, svg("path", { d: "M1 6h24" }));
  const items = [[line("positive"), "positive"], [line("negative"), "negative"], [null, size], [chevrons(), gradient]];
  return h(
    "div",
    { class: "drawing-head" },
    segments("Edges show", [["weights", "Weights"], ["gradients", "Gradients"]], stage.mode, onmode),
    h("ul", { class: "drawing-legend small muted", "aria-label": "Legend" }, items.map(item => h("li", {}, item)))
  );
}

function chevrons() {
  const one = (x, s) => svg("path", { d: `M${x - s} 6L${x + s} ${6 - s}L${x + 0.3 * s} 6L${x + s} ${6 + s}z` });
  return svg("svg", { class: "sample chevrons", viewBox: "0 0 26 12", "aria-hidden": "true" }, one(5, 2.2), one(17, 5));
}

/** Write the scales of now. */
export function fillLegend(stage) {
  const { values, mode, legend: texts } = stage;
  const range = `${figure(values.gradient.bottom, 2)} … ${figure(values.gradient.top, 2)}`;
  setText(texts.size, mode === "weights" ? `width: |w| up to ${figure(values.weight, 3)}` : "width: |∂L/∂w|");
  setText(texts.gradient, `gradient |∂L/∂w| ${rowsOf()}: log scale ${range}, ${MOST_MOVING} of a layer at most`);
}

/** Return of which rows the gradient of a frame is: see `gradient_rows` of nncore/builder/frames.py. */
function rowsOf() {
  return store.frame.batch > 0 ? "of the next batch" : "of rows spread over the training data";
}
