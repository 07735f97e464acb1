/* The live bar of each card: the norm of its gradient beside the last layer's, on a logarithmic scale.
 *
 * Which one starves or explodes is told by the same limits as in the drawing. */

import { figure } from "../core/format.js";
import { store } from "../core/store.js";
import { h, setText } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { conditionOfNorm } from "../drawing/frame_values.js";

const [LEAST, MOST] = [-6, 3]; // powers of ten, relative to the last layer: the ends of the bar

/** Return a bar that `showGradients` fills; one of a layer without parameters only keeps the room. */
export function gradientBar(name, trains) {
  const bar = h("div", { class: "flow", "aria-hidden": true, "data-gradient": trains ? name : null });
  if (!trains) return bar;
  const mark = h("span", { class: "flow-mark" }, icon("warning"), h("span", {}));
  bar.append(h("span", { class: "track" }, h("span", { class: "fill" })), h("span", { class: "flow-text figures" }), mark);
  return bar;
}

/** Fill all bars in `root` with the numbers of the latest frame; return the warnings by the layer's name. */
export function showGradients(root) {
  const layers = store.frame?.layers ?? {};
  const norms = store.state.names.map(name => layers[name]?.gradient_norm).filter(Number.isFinite);
  const [last, largest] = [norms.at(-1), Math.max(...norms)];
  const found = {};
  for (const bar of root.querySelectorAll("[data-gradient]")) {
    const name = bar.dataset.gradient;
    const warning = name in layers ? warningOf(layers[name].gradient_norm, last, largest) : null;
    showOne(bar, layers[name]?.gradient_norm, last, warning);
    if (warning) found[name] = warning;
  }
  return found;
}

/** Return what the latest frame says of a layer's gradient, in words; "" where it has none. */
export function gradientInWords(name, trains) {
  const layers = store.frame?.layers ?? {};
  if (!(name in layers)) return "";
  const norms = store.state.names.map(one => layers[one]?.gradient_norm).filter(Number.isFinite);
  const norm = layers[name].gradient_norm;
  if (!Number.isFinite(norm)) return trains ? "gradient norm not finite (exploding)" : "";
  const share = norms.at(-1) > 0 && norm !== norms.at(-1) ? `, ${figure(norm / norms.at(-1), 2)} × the last layer's` : "";
  const warning = warningOf(norm, norms.at(-1), Math.max(...norms));
  return `gradient norm ${figure(norm, 3)}${share}${warning ? ` (${warning})` : ""}`;
}

function warningOf(norm, last, largest) {
  const condition = conditionOfNorm(norm, last, largest);
  return ["exploding", "starving"].includes(condition) ? condition : null;
}

function showOne(bar, norm, last, warning) {
  const [track, text, mark] = bar.children;
  const power = Number.isFinite(norm) ? Math.log10(norm / last) : MOST;
  const share = norm === undefined || Number.isNaN(power) ? 0 : Math.min(1, Math.max(0, (power - LEAST) / (MOST - LEAST)));
  track.firstChild.style.transform = `scaleX(${share.toFixed(3)})`;
  bar.classList.toggle("known", norm !== undefined);
  setText(text, norm === undefined ? "" : figure(norm, 2));
  if (bar.dataset.warning !== (warning ?? "")) {
    bar.dataset.warning = warning ?? "";
    setText(mark.lastChild, warning ?? "");
  }
  bar.title = `Norm of the gradient on the epoch's last full batch: ${figure(norm)}. The tick is the last layer's; the bar goes from 10⁻⁶ to 10³ times that.`;
}
