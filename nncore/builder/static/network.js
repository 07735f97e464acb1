import { fill, h } from "./dom.js";
import { mountDrawing } from "./drawing.js";

/** Put the part into `root`. */
export function mountNetwork(root) {
  const drawing = h("div", { id: "drawing" });
  fill(root, h("header", {}, h("h2", { id: "network-title" }, "Network")), drawing);
  mountDrawing(drawing);
}
