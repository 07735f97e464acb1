import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountEvaluate(root) {
  fill(root, h("p", {}, "Evaluate"));
}
