/* The confusion matrix: how often which class was taken for which. */

import { count, counted, percent } from "../../core/format.js";
import { fill, h, setText } from "../../ui/dom.js";

const MOST_CLASSES = 30;
const STRONGEST = 42; // per cent of the colour in a cell; beyond, the text would be hard to read

/** The view "confusion". */
export const confusionView = {
  label: () => "Confusion",
  suits: ({ classes }) => Boolean(classes),
  pause: 1000,
  parts: true,
  make,
};

function make(root) {
  const score = h("p", { class: "score figures" });
  const balance = h("p", { id: "confusion-balance", class: "muted small" });
  const place = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Confusion matrix" });
  const note = h("p", { id: "confusion-note", class: "muted small" });
  let cells = null;
  let shape = "";
  fill(root, score, balance, place, note);
  return {
    fields: () => ({}),
    redraw: () => {},
    show: answer => {
      const chosen = worthShowing(answer);
      const now = JSON.stringify([answer.classes, chosen]);
      if (now !== shape) cells = build(place, note, answer, chosen);
      shape = now;
      update(cells, answer);
      fill(score, h("strong", { id: "confusion-accuracy" }, percent(answer.accuracy)), ` accuracy on ${counted(sum(answer.counts.flat()), "row")}`);
      setText(balance, answer.balance);
    },
  };
}

/** Return the numbers of the classes to show: all, or those that are mistaken most often. */
function worthShowing({ counts }) {
  const all = counts.map((_, i) => i);
  if (all.length <= MOST_CLASSES) return all;
  const mistakes = all.map(i => sum(counts[i]) - counts[i][i]);
  return all.sort((a, b) => mistakes[b] - mistakes[a]).slice(0, MOST_CLASSES).sort((a, b) => a - b);
}

function build(place, note, { classes, counts }, chosen) {
  const name = i => classes[i] ?? `class ${i}`;
  const cells = [];
  const cell = (i, j) => {
    const [number, share] = [h("span", { class: "count" }), h("span", { class: "share" })];
    const element = h("td", { class: i === j ? "right" : null, "data-true": name(i), "data-predicted": name(j) }, number, share);
    cells.push({ i, j, element, number, share });
    return element;
  };
  const some = chosen.length < counts.length ? ` Shown are the ${chosen.length} of ${count(counts.length)} classes with the most mistakes.` : "";
  fill(
    place,
    h(
      "table",
      { id: "confusion", "aria-label": "Confusion matrix", "aria-describedby": note.id },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "true \\ predicted"), chosen.map(j => h("th", { scope: "col" }, name(j))))),
      h("tbody", {}, chosen.map(i => h("tr", {}, h("th", { scope: "row" }, name(i)), chosen.map(j => cell(i, j)))))
    )
  );
  setText(note, `Rows: the true class. Columns: what the network says. Shares are of the row.${some}`);
  return cells;
}

function update(cells, { counts }) {
  const totals = counts.map(sum);
  for (const { i, j, element, number, share } of cells) {
    const part = totals[i] ? counts[i][j] / totals[i] : 0;
    setText(number, count(counts[i][j]));
    setText(share, counts[i][j] ? percent(part, 0) : "");
    element.dataset.count = counts[i][j];
    element.style.setProperty("--strength", `${(STRONGEST * part).toFixed(1)}%`);
  }
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
