/* The bar that says which colour stands for which number. */

import { figure } from "../core/format.js";
import { h, setText } from "../ui/dom.js";
import { scale } from "./ramp.js";

const CELLS = 64;

/** Return the bar; `update` makes it that of some numbers, and returns their scale. */
export function colourBar() {
  const [low, high] = [h("span"), h("span")];
  const bar = h("canvas", { width: CELLS, height: 1, "aria-hidden": "true" });
  const made = { element: h("div", { class: "colours figures small" }, low, bar, high) };
  made.update = values => {
    const found = scale(values);
    made.shade = found.shade;
    setText(low, figure(found.low, 3));
    setText(high, figure(found.high, 3));
    const context = bar.getContext("2d");
    const image = context.createImageData(CELLS, 1);
    for (let i = 0; i < CELLS; i += 1) {
      image.data.set([...found.shade(found.low + (i / (CELLS - 1)) * (found.high - found.low)), 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    return found;
  };
  return made;
}
