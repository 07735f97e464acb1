/* A slider with a box beside it: drag for a rough value, type for an exact one. */

import { h } from "./dom.js";
import { field, number } from "./forms.js";

/** Return a field with both. `onchange` is called with the number when it is settled on, `input` while it is dragged.
 * `max` is where the slider ends; the box takes what is up to `most`. */
export function slider(id, label, value, { min = 0, max = 1, step = 0.01, most = null } = {}, onchange, { where = null, text = null, input = null } = {}) {
  const box = number(value, found => onchange(found), { min, max: most, step: "any" });
  box.id = id;
  const dragged = () => {
    box.value = track.value;
    input?.(Number(track.value));
  };
  const settled = () => onchange(Number(track.value));
  const track = h("input", { type: "range", id: `${id}-slider`, min, max, step, value, "aria-label": label, oninput: dragged, onchange: settled });
  track.value = value;
  const both = field(label, box, { where, text });
  both.classList.add("sliding");
  box.before(track);
  return both;
}
