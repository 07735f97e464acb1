import assert from "node:assert/strict";
import test, { before } from "node:test";

import { store } from "../static/core/store.js";
import { along, conditionOfNorm, largest, strength, valuesOf } from "../static/drawing/frame_values.js";

before(() => (store.schema = { limits: { gradient: { exploding: 100, starving: 1e-3, fading: 1e-2 } } }));

test("the largest size leaves out what is no number", () => {
  assert.equal(largest([1, -3, null, NaN, Infinity, 2]), 3);
  assert.equal(largest([]), 0);
});

test("a scale has six decades", () => {
  const scale = { top: 1, bottom: 1e-6 };
  assert.equal(along(scale, -1), 1);
  assert.ok(Math.abs(along(scale, 1e-3) - 0.5) < 1e-12);
  assert.equal(along(scale, 1e-9), 0);
  assert.equal(along(scale, 0), 0);
  assert.equal(along(scale, 50), 1);
});

test("norms starve and fade beside the largest, and explode beside the last", () => {
  assert.equal(conditionOfNorm(1, 1, 1), "");
  assert.equal(conditionOfNorm(0.005, 1, 1), "fading");
  assert.equal(conditionOfNorm(0.0005, 1, 1), "starving");
  assert.equal(conditionOfNorm(101, 1, 101), "exploding");
  assert.equal(conditionOfNorm(50, 0.4, 50), "exploding"); // more than 100 times the last, which is below 1
  assert.equal(conditionOfNorm(150, 2, 150), "exploding"); // more than 100, whatever the last is
  assert.equal(conditionOfNorm(99, 50, 99), "");
  assert.equal(conditionOfNorm(null, 1, 1), "exploding");
});

test("a frame yields edges, scales and conditions", () => {
  const frame = {
    edges: {
      first: { weight: [[0.5, -2]], gradient: [[0.02, -0.3]], gradient_norm: 0.3 },
      second: { strongest: [[1, 0, 4, 1e-9]], gradient_norm: 1e-4 },
    },
  };
  const scene = { groups: [{ name: "first" }, { name: "second" }], arcs: [] };
  const values = valuesOf(scene, frame);
  assert.deepEqual(values.groups.get("first").edges, [
    { from: 0, to: 0, weight: 0.5, gradient: 0.02 },
    { from: 0, to: 1, weight: -2, gradient: -0.3 },
  ]);
  assert.deepEqual(values.groups.get("first").moving.map(edge => edge.to), [1, 0]); // the largest gradient first
  assert.equal(values.weight, 4);
  assert.deepEqual(values.gradient, { top: 1, bottom: 1e-6 });
  assert.deepEqual([values.exploding, values.starving, values.fading], [["first"], ["second"], []]);
  assert.equal(strength(values, "weights", { weight: -2 }), 0.5);
});
