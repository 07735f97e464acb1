/* The rows that the network is most wrong about. */

import { figure, percent } from "../../core/format.js";
import { arePictures, dataRows, targetText } from "../../core/rows.js";
import { store } from "../../core/store.js";
import { fill, h } from "../../ui/dom.js";
import { paint, picture, rangeOf } from "../../plot/pictures.js";

const MOST_FEATURES = 5; // columns of the table

/** The view "worst". */
export const worstView = {
  label: () => "Worst rows",
  suits: () => true,
  pause: 1000,
  parts: true,
  make,
};

function make(root) {
  const place = h("div", { class: "scroll worst", tabindex: "0", role: "group", "aria-label": "Worst rows" });
  let last = null;
  fill(root, place);
  const show = async answer => {
    last = answer;
    const rows = await dataRows();
    if (last === answer) fill(place, arePictures(rows) && answer.features ? gallery(answer, rows) : table(answer));
  };
  return { fields: () => ({}), show, redraw: () => last && show(last) };
}

function caption() {
  const text = store.state.data.classes ? "Error: 1 − the probability of the true class." : "Error: the distance from the true value.";
  return h("caption", { class: "muted small" }, `The rows with the largest errors. ${text}`);
}

function errorText(error) {
  return store.state.data.classes ? percent(error) : figure(error);
}

function table({ rows, true: truth, predicted, error, features }) {
  const names = features ? store.state.data.features.slice(0, MOST_FEATURES) : [];
  const head = ["Row", "True", "Predicted", "Error", ...names];
  const line = (row, i) => h("tr", { "data-row": row }, h("th", { scope: "row" }, row), h("td", {}, targetText(truth[i], figure)),
    h("td", {}, targetText(predicted[i], figure)), h("td", { class: "number" }, errorText(error[i])), names.map((_, j) => h("td", { class: "number" }, figure(features[i][j]))));
  const sort = (_, i) => (i > 2 ? "number" : null);
  return h("table", { id: "worst" }, caption(), h("thead", {}, h("tr", {}, head.map((text, i) => h("th", { scope: "col", class: sort(text, i), title: text }, text)))), h("tbody", {}, rows.map(line)));
}

function gallery({ rows, true: truth, predicted, error, features }, { images }) {
  const [low, high] = rangeOf(images.pixels);
  const line = (row, i) => {
    const canvas = picture(store.state.data.image);
    paint(canvas, features[i], low, high);
    return h("tr", { "data-row": row }, h("td", {}, canvas), h("th", { scope: "row" }, row), h("td", {}, targetText(truth[i], figure)), h("td", {}, targetText(predicted[i], figure)), h("td", { class: "number" }, errorText(error[i])));
  };
  const head = ["Picture", "Row", "True", "Predicted", "Error"];
  return h("table", { id: "worst" }, caption(), h("thead", {}, h("tr", {}, head.map(text => h("th", { scope: "col", class: text === "Error" ? "number" : null }, text)))), h("tbody", {}, rows.map(line)));
}
