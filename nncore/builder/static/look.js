import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountLook(root) {
  fill(root, h("header", {}, h("h2", { id: "look-title" }, "Look closer")));
}
