/* The part of the settings that only residual groups have: the layers inside, and what goes in and out. */

import { choose, layerAt } from "../core/paths.js";
import { store } from "../core/store.js";
import { h } from "../ui/dom.js";
import { button } from "../ui/forms.js";
import { addInside, takeIn, takeOut } from "./edits.js";
import { inWords } from "./layer_card.js";

let kindChosen = null; // what was put in last

/** Return the controls of the group at `path`. */
export function groupFields(path) {
  const layer = layerAt(path);
  const one = (inner, i) =>
    h("button", { type: "button", class: "small", "data-inner": i, onclick: () => choose([...path, i]) }, inWords(inner));
  return h("fieldset", { class: "inside" },
    h("legend", { class: "unseen" }, "Layers inside"),
    h("div", { class: "buttons" }, layer.layers.map(one)),
    h("div", { class: "buttons" }, adder(path), path.length === 1 ? neighbours(path[0]) : null));
}

function adder(path) {
  const kinds = Object.keys(store.schema.layers).filter(kind => store.schema.layers[kind].offered);
  const label = "Kind of the layer to put into the group";
  const options = kinds.map(kind => h("option", { value: kind }, kind));
  const box = h("select", { "data-action": "kind-inside", "aria-label": label, onchange: () => (kindChosen = box.value) }, options);
  box.value = kinds.includes(kindChosen) ? kindChosen : kinds[0];
  return h("span", { class: "adder" }, box, named("add-inside", button("Put in", "plus", () => addInside(path, box.value))));
}

/** Buttons that take the cards beside the group into it. */
function neighbours(index) {
  const of = (by, name, label) => (layerAt([index + by]) ? named(name, button(label, by < 0 ? "left" : "right", () => takeIn(index, by))) : null);
  return [of(-1, "take-in-before", "Take in the card before"), of(1, "take-in-after", "Take in the card after")];
}

/** Return the buttons that only a layer inside of a group has. */
export function innerButtons() {
  return named("take-out", button("Take out of the group", "out", () => takeOut(), { kind: "plain", iconOnly: true }));
}

function named(name, element) {
  element.dataset.action = name;
  element.classList.add("small");
  return element;
}
