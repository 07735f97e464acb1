/* What a layer begins with that is put in by its kind alone: such that what follows keeps its shape, and so its weights. */

import { functionNamed, isFunction } from "./activations.js";
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
  if (isFunction(kind)) layer.name = nearActivation(index);
  return layer;
}

const START = {
  units: index => (index === 0 ? firstWidth() : widthAt(index)),
  activation: index => functionNamed(nearActivation(index)),
  rate: () => 0.2,
  stddev: () => 0.1,
  layers: index => [{ ...startingValues(kindWithUnits(), index), units: widthAt(index) }],
};

/** Return the kind of layer that is told its width: what a group begins with. */
function kindWithUnits() {
  const { layers } = store.schema;
  return Object.keys(layers).find(kind => "units" in layers[kind].fields);
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
