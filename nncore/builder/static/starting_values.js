/* What a layer begins with that is put in by its kind alone: such that what follows keeps its shape, and so its weights. */

import { store } from "./store.js";

const NARROW = 8; // units of a hidden layer in a network that has none
const USUAL = "relu";

/** Return a layer of a kind as the core reads it, for the place before the card at `index`. */
export function startingValues(kind, index) {
  const fields = store.schema.layers[kind].fields;
  const layer = { type: kind };
  for (const [name, start] of Object.entries(START)) {
    if (name in fields && (fields[name].required || name === "activation")) layer[name] = start(index);
  }
  if (isFunction(fields)) layer.name = nearActivation(index);
  return layer;
}

const START = {
  units: index => (index === 0 ? firstWidth() : widthAt(index)),
  activation: index => ({ type: "Activation", name: nearActivation(index) }),
  rate: () => 0.2,
  layers: index => [{ type: "Dense", units: widthAt(index), activation: { type: "Activation", name: nearActivation(index) } }],
};

/** A kind whose name is a function of its own has a default for it; a layer's own name has none. */
function isFunction(fields) {
  return typeof fields.name?.default === "string";
}

function widthAt(index) {
  const { shapes, data } = store.state;
  return index === 0 ? data.n_features : shapes[index - 1].n_out;
}

/** Before the first layer: as wide as that one, unless it is the end of the network. */
function firstWidth() {
  const { shapes } = store.state;
  return shapes.length > 1 ? shapes[0].n_out : NARROW;
}

/** Return the activation of the nearest hidden layer before the place, else behind it. */
function nearActivation(index) {
  const hidden = store.state.layers.slice(0, -1);
  const near = [...hidden.slice(0, index).reverse(), ...hidden.slice(index)];
  const found = near.map(layer => layer.activation?.name).find(name => name && name !== "identity");
  return found ?? USUAL;
}
