/* The live bar of each card: the norm of its gradient beside the last layer's, on a logarithmic scale.
 *
 * It is the norm that the drawing and `Explain one batch` show: by the weight (of a normalisation, its scale), on the next
 * batch. Which one starves or explodes is told by the same limits as in the drawing. */

import { dictionary } from "../core/dictionary.js";
import { figure } from "../core/format.js";
import { store } from "../core/store.js";
import { h, setText } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { conditionIn } from "../drawing/frame_values.js";

const [LEAST, MOST] = [-6, 3]; // powers of ten, relative to the last layer: the ends of the bar

/** Return a bar that `showGradients` fills; one of a layer without parameters only keeps the room. */
export function gradientBar(name, trains) {
  const bar = h("div", { class: "flow", "aria-hidden": "true", "data-gradient": trains ? name : null });
  if (!trains) return bar;
  const mark = h("span", { class: "flow-mark" }, icon("warning"), h("span", {}));
  bar.append(h("span", { class: "track" }, h("span", { class: "fill" })), h("span", { class: "flow-text figures" }), mark);
  return bar;
}

/** Fill all bars in `root` with the numbers of the latest frame; return the warnings by the layer's name. */
export function showGradients(root) {
  const norms = store.frame?.gradient_norms ?? {};
  const last = Object.values(norms).at(-1);
  const found = dictionary();
  for (const bar of root.querySelectorAll("[data-gradient]")) {
    const name = bar.dataset.gradient;
    const known = Object.hasOwn(norms, name);
    const warning = known ? warningOf(norms, name) : null;
    showOne(bar, known ? norms[name] : undefined, last, warning);
    if (warning) found[name] = warning;
  }
  return found;
}

/** Return what the latest frame says of a layer's gradient, in words; "" where it has none. */
export function gradientInWords(name) {
  const norms = store.frame?.gradient_norms ?? {};
  if (!Object.hasOwn(norms, name)) return "";
  const [norm, last] = [norms[name], Object.values(norms).at(-1)];
  if (!Number.isFinite(norm)) return "gradient norm not finite (exploding)";
  const share = last > 0 && norm !== last ? `, ${figure(norm / last, 2)} × the last layer's` : "";
  const warning = warningOf(norms, name);
  return `gradient norm ${figure(norm, 3)}${share}${warning ? ` (${warning})` : ""}`;
}

function warningOf(norms, name) {
  const condition = conditionIn(norms, name);
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
  bar.title = `Norm of the gradient by the weight, on the next batch: ${figure(norm)}. The tick is the last layer's; the bar goes from 10⁻⁶ to 10³ times that.`;
}
