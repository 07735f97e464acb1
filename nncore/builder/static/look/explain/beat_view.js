/* One beat as it is seen: title, words, formulas, and the arrays that they read and write. */

import { figure } from "../../core/format.js";
import { fill, h } from "../../ui/dom.js";
import { drawn, joined } from "./formulas/mathml.js";
import { matrixTable } from "./matrices.js";

/** Put a beat into `root`. */
export function showOne(root, beat) {
  root.dataset.showing = beat.key;
  fill(
    root,
    h("h3", {}, beat.title),
    h("p", { class: "said" }, beat.said),
    beat.lines.length ? h("div", { class: "lines scroll", tabindex: 0, role: "group", "aria-label": "Formulas" }, beat.lines.map(line => h("p", {}, joined(drawn(line), " ")))) : null,
    beat.bars ? bars(beat.bars) : null,
    beat.notes.map(note => h("p", { class: "muted small" }, note)),
    h("div", { class: "matrices" }, beat.matrices.map(matrixTable))
  );
}

/** Return lengths side by side, with what they stand for. */
function bars(rows) {
  const largest = Math.max(...rows.map(([, number]) => Math.abs(number)));
  const bar = ([label, number], i) => {
    const length = h("span", { class: `length ${i ? "now" : "old"}`, "aria-hidden": "true" });
    length.style.width = `${largest ? (100 * Math.abs(number)) / largest : 0}%`;
    return [h("dt", {}, label), h("dd", { "data-value": String(number) }, h("span", { class: "groove" }, length), h("span", { class: "figures" }, figure(number, 6)))];
  };
  return h("dl", { class: "bars" }, rows.map(bar));
}
