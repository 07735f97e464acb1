/* Pictures of digits and the like: rows whose features are the pixels of a square. */

import { h } from "../ui/dom.js";
import { between, rgb } from "./ramp.js";

/** Return a canvas of `side` x `side` pixels; style sheets make it larger. */
export function picture(side, label = null) {
  const about = label === null ? { "aria-hidden": "true" } : { role: "img", "aria-label": label };
  return h("canvas", { class: "picture", width: side, height: side, ...about });
}

/** Draw pixels, from `low` as ground to `high` as ink. */
export function paint(canvas, pixels, low, high) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const [ground, ink] = [rgb("--sunken"), rgb("--text")];
  pixels.forEach((value, i) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    image.data.set([...between(ground, ink, share), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

/** Return the least and the largest value of some pictures. */
export function rangeOf(pictures) {
  const all = pictures.flat();
  return all.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}
