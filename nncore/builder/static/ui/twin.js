/* The table that says in numbers what a drawing shows; it is made only while it is open. */

import { fill, h } from "./dom.js";

/** Return a part that can be opened, and `update`, which makes its table anew. `content` returns {head, rows, note}. */
export function twin(label, content) {
  const place = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label });
  const element = h("details", { class: "twin", ontoggle: () => update() }, h("summary", {}, label), place);
  const update = () => {
    if (!element.open) return place.replaceChildren();
    const made = content();
    fill(place, made ? [made.note && h("p", { class: "muted small" }, made.note), table(made.head, made.rows)] : []);
  };
  return { element, update };
}

/** Return a table of texts; the first column names the rows. */
function table(head, rows, caption = null) {
  const cells = ([first, ...others]) => h("tr", {}, h("th", { scope: "row" }, first), others.map(text => h("td", {}, text)));
  return h(
    "table",
    {},
    caption && h("caption", {}, caption),
    h("thead", {}, h("tr", {}, head.map(text => h("th", { scope: "col", title: text }, text)))),
    h("tbody", {}, rows.map(cells))
  );
}
