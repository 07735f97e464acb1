import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { changedAt, choose, chosen, layerAt, matched, nameOf, whereOf } from "../static/core/paths.js";
import { on, store } from "../static/core/store.js";

const dense = units => ({ type: "Dense", units });
const group = (...layers) => ({ type: "Residual", layers });

beforeEach(() => {
  store.state = {
    layers: [dense(4), group(dense(4), group(dense(2), dense(4)), dense(4)), dense(1)],
    shapes: [{ number: 0 }, { number: 1 }, { number: 7 }], // the group is number 1, and holds numbers 2 to 6
    names: ["a", "group", "b", "inner", "c", "d", "e", "last"],
  };
  store.selected = 0;
});

test("a path leads to cards and to what is inside of groups", () => {
  assert.equal(layerAt([0]).units, 4);
  assert.equal(layerAt([1, 1, 0]).units, 2);
  assert.equal(layerAt([0, 0]), null); // which is no group
  assert.equal(layerAt([3]), null);
  assert.equal(whereOf([1, 1, 0]), "layers[1].layers[1].layers[0]");
});

test("names count a group before what is inside of it", () => {
  const paths = [[0], [1], [1, 0], [1, 1], [1, 1, 0], [1, 1, 1], [1, 2], [2]];
  assert.deepEqual(paths.map(nameOf), store.state.names);
});

test("a layer is changed without its neighbours, and without the old one", () => {
  const before = store.state.layers[1];
  const after = changedAt(before, [1, 0], layer => ({ ...layer, units: 9 }));
  assert.equal(after.layers[1].layers[0].units, 9);
  assert.equal(before.layers[1].layers[0].units, 2);
  assert.equal(after.layers[0], before.layers[0]);
});

test("what is chosen inside of a group falls back to the group that is left", () => {
  let told = 0;
  const end = on("select", () => (told += 1));
  choose([1, 1, 1]);
  assert.deepEqual(chosen(), [1, 1, 1]);
  store.state.layers[1] = group(dense(4), dense(4));
  assert.deepEqual(chosen(), [1, 1]);
  choose([1]);
  assert.deepEqual(chosen(), [1]);
  end();
  assert.equal(told, 2);
  store.selected = null;
  assert.equal(chosen(), null);
});

test("cards find each other: what is the same at both ends, then equal ones, then those of a kind", () => {
  const [a, b, c] = [dense(1), dense(2), { type: "Dropout", rate: 0.5 }];
  assert.deepEqual(matched([a, b, c], [a, b, c]), [0, 1, 2]);
  assert.deepEqual(matched([a, b], [a, c, b]), [0, null, 1]); // put in
  assert.deepEqual(matched([a, b, c], [a, c]), [0, 2]); // taken out
  assert.deepEqual(matched([a, b, c], [c, a, b]), [2, 0, 1]); // moved
  assert.deepEqual(matched([a, c], [dense(7), c]), [0, 1]); // changed
  assert.deepEqual(matched([a, b, a], [b, a]), [1, 2]); // the first one taken out of two that are equal
  assert.deepEqual(matched([a], [c]), [null]);
});
