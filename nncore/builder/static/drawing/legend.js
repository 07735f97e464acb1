/* What the marks of the drawing mean, with the scales of now. */

import { count, figure } from "../core/format.js";
import { store } from "../core/store.js";
import { h, setText, svg } from "../ui/dom.js";
import { segments } from "../ui/forms.js";
import { MOST_MOVING } from "./frame_values.js";

/** Return switch and legend; `onmode` is called with "weights" or "gradients". */
export function legend(stage, onmode) {
  const texts = { size: h("span", { class: "drawing-size" }), rows: h("span"), range: h("span", { class: "drawing-range" }) };
  stage.legend = texts;
  const line = kind => svg("svg", { class: `legend-line ${kind}`, viewBox: "0 0 26 12", "aria-hidden": "true" }, svg("path", { d: "M1 6h24" }));
  const gradient = h("span", {}, "gradient |∂L/∂w| over ", texts.rows, `, at most ${MOST_MOVING} a layer, log, `, texts.range);
  const items = [[line("positive"), "positive"], [line("negative"), "negative"], texts.size, [chevrons(), gradient]];
  return h(
    "div",
    { class: "drawing-head" },
    segments("Edges show", [["weights", "Weights"], ["gradients", "Gradients"]], stage.mode, onmode),
    h("ul", { class: "drawing-legend small muted figures", "aria-label": "Legend" }, items.map(item => h("li", {}, item)))
  );
}

function chevrons() {
  const one = (x, s) => svg("path", { d: `M${x - s} 6L${x + s} ${6 - s}L${x + 0.3 * s} 6L${x + s} ${6 + s}z` });
  return svg("svg", { class: "legend-line chevrons", viewBox: "0 0 26 12", "aria-hidden": "true" }, one(5, 2.2), one(17, 5));
}

/** Write the scales of now, and over which rows the gradient is taken: see `gradient_rows` of the server. */
export function fillLegend({ values, mode, explained, legend: texts }) {
  setText(texts.size, mode === "weights" ? `width: |w| up to ${figure(values.weight, 3)}` : "width: |∂L/∂w|");
  setText(texts.rows, explained ? "the explained rows" : rowsOf(store.frame));
  setText(texts.range, `${figure(values.gradient.bottom, 2)} … ${figure(values.gradient.top, 2)}`);
}

function rowsOf({ gradient_rows: shown, batch_rows: all }) {
  return shown < all ? `${count(shown)} of ${count(all)} rows of the next batch` : "the next batch";
}
