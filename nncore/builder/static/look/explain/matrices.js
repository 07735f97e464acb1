/* Arrays as tables: the first rows and columns, each cell tinted by its sign and size. */

import { count, figure } from "../../core/format.js";
import { h } from "../../ui/dom.js";

const MOST_ROWS = 8;
const MOST_COLUMNS = 16;
const MOST_EXACT = 8; // rows and columns whose cells carry the exact value

/** Return a table of an array of the answer.
 *
 * @param symbol, title what it is called and what it is
 * @param array {shape, values, norm?}; one with one dimension is one row
 * @param mark [row, column] that the formulas use, null for all of them
 * @param rows, columns names of rows and columns; by default they are counted from 1
 * @param labels texts instead of the numbers of the first column, such as names of classes
 */
export function matrixTable({ symbol, title, array, mark, rows = null, columns = null, labels = null }) {
  const [height, width] = array.shape.length === 1 ? [1, array.shape[0]] : array.shape;
  const lines = (array.shape.length === 1 ? [array.values] : array.values).slice(0, MOST_ROWS).map(line => line.slice(0, MOST_COLUMNS));
  const largest = Math.max(...lines.flat().map(Math.abs).filter(Number.isFinite), 0);
  const head = lines[0].map((_, j) => h("th", { scope: "col", title: columns?.[j] }, String(columns?.[j] ?? j + 1)));
  const body = lines.map((line, i) =>
    h("tr", {}, h("th", { scope: "row" }, String(rows?.[i] ?? i + 1)), line.map((number, j) => cell(number, largest, [i, j], mark, labels?.[i])))
  );
  const shown = [lines.length, lines[0].length];
  return h(
    "figure",
    { class: "matrix", "data-matrix": symbol },
    h("figcaption", {}, h("strong", {}, symbol), h("span", {}, title), h("span", { class: "muted" }, sizes(shown, [height, width], array.norm))),
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `${symbol}, ${title}` },
      h("table", { "aria-label": `${symbol}, ${title}` }, h("thead", {}, h("tr", {}, h("td", {}), head)), h("tbody", {}, body)))
  );
}

function sizes([rows, columns], [height, width], norm) {
  const whole = `${count(height)} × ${count(width)}`;
  const part = rows < height || columns < width ? `showing ${rows} × ${columns} of ${whole}` : whole;
  return typeof norm === "number" ? `${part}, norm ${figure(norm)}` : part;
}

function cell(number, largest, [i, j], mark, label) {
  const marked = mark && (mark[0] === null || mark[0] === i) && (mark[1] === null || mark[1] === j);
  const exact = i < MOST_EXACT && j < MOST_EXACT ? String(number) : null;
  const made = h("td", { class: marked ? "marked" : null, "data-value": exact }, label ?? figure(number, 3));
  if (label === undefined && number && largest) {
    made.classList.add(number < 0 ? "negative" : "positive");
    made.style.setProperty("--size", `${Math.round((45 * Math.abs(number)) / largest)}%`);
  }
  return made;
}
