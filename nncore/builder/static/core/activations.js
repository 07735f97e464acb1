/* Activation functions: how the core writes one, and which kind of layer is nothing but one. */

import { store } from "./store.js";

/** Tell whether a kind of layer is a function: its name has a default, being the function's and not one of the user's. */
export function isFunction(kind) {
  return typeof store.schema.layers[kind]?.fields.name?.default === "string";
}

/** Return a function as the core writes it, alone in a network or as the activation of a layer. */
export function functionNamed(name) {
  return { type: Object.keys(store.schema.layers).find(isFunction), name };
}

/** Return the function of a layer, {name, ...}: its activation, or what it is; null where it has none. */
export function functionOf(layer) {
  if (layer.activation) return layer.activation;
  return isFunction(layer.type) ? layer : null;
}
