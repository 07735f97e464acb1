import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountData(root) {
  fill(root, h("header", {}, h("h2", { id: "data-title" }, "Data")));
}
