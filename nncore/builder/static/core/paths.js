/* Where a layer is: a path of numbers, first the card's, then, inside of residual groups, those of the inner layers.
 * [2] is the third card, [2, 0] the first layer inside of it. */

import { emit, select, store } from "./store.js";

let inner = { card: null, rest: [] };

/** Return whether a layer holds others. */
export function isGroup(layer) {
  return Array.isArray(layer.layers);
}

/** Return the layer at a path, or null. */
export function layerAt(path, layers = store.state.layers) {
  const [first, ...rest] = path;
  const layer = layers[first] ?? null;
  if (!layer || !rest.length) return layer;
  return isGroup(layer) ? layerAt(rest, layer.layers) : null;
}

/** Return a layer of which the one at `rest`, a path that begins inside of it, is what `change` makes of it. */
export function changedAt(layer, rest, change) {
  if (!rest.length) return change(layer);
  const [first, ...further] = rest;
  return { ...layer, layers: layer.layers.map((one, i) => (i === first ? changedAt(one, further, change) : one)) };
}

/** Return the dotted path under which the server speaks of a layer: "layers[2].layers[0]". */
export function whereOf(path) {
  return path.map(number => `layers[${number}]`).join(".");
}

/** Return the core's name of a layer; those inside of a group are counted behind it. */
export function nameOf(path) {
  let number = store.state.shapes[path[0]].number;
  for (let depth = 1; depth < path.length; depth += 1) {
    const before = layerAt(path.slice(0, depth)).layers.slice(0, path[depth]);
    number += 1 + before.reduce((sum, layer) => sum + sizeOf(layer), 0);
  }
  return store.state.names[number];
}

/** Return how many layers one is, with those inside of it. */
export function sizeOf(layer) {
  return 1 + (layer.layers ?? layer.branches?.flat() ?? []).reduce((sum, one) => sum + sizeOf(one), 0);
}

/** Select a layer; all parts of the page know of its card, only the strip and the form of what is inside. */
export function choose(path) {
  const [card, ...rest] = path;
  inner = { card, rest };
  if (store.selected === card) emit("select");
  else select(card);
}

/** The same while a new state is being shown: all parts of the page see that first, and then hear of the selection. */
export function chooseQuietly(path) {
  const [card, ...rest] = path;
  inner = { card, rest };
  store.selected = card;
  queueMicrotask(() => emit("select"));
}

/** Return the path of the selected layer, or null. */
export function chosen() {
  if (store.selected === null) return null;
  const path = [store.selected, ...(inner.card === store.selected ? inner.rest : [])];
  while (path.length > 1 && !layerAt(path)) path.pop();
  return path;
}

/** Tell which old card each new one is: an array of old numbers, null for a new card.
 *
 * What is the same at both ends stays; in between equal layers find each other, then the rest in order. */
export function matched(before, after) {
  const [old, now] = [before.map(asText), after.map(asText)];
  const order = now.map(() => null);
  const free = new Set(old.keys());
  const pair = (to, from) => {
    order[to] = from;
    free.delete(from);
  };
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) pair(start, start++);
  let end = 0;
  const rest = Math.min(old.length, now.length) - start;
  while (end < rest && old.at(-1 - end) === now.at(-1 - end)) pair(now.length - 1 - end, old.length - 1 - end++);
  for (const test of [(to, from) => now[to] === old[from], (to, from) => after[to].type === before[from].type]) {
    for (const to of now.keys()) {
      const found = order[to] === null ? [...free].find(from => test(to, from)) : undefined;
      if (found !== undefined) pair(to, found);
    }
  }
  return order;
}

function asText(layer) {
  return JSON.stringify(layer);
}
