import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountNetwork(root) {
  fill(root, h("header", {}, h("h2", { id: "network-title" }, "Network")));
}
