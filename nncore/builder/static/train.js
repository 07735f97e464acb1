import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountTrain(root) {
  fill(root, h("header", {}, h("h2", { id: "train-title" }, "Train")));
}
