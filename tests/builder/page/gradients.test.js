import assert from "node:assert/strict";
import test, { before } from "node:test";

import { store } from "../static/core/store.js";
import { along, changing, conditionOfNorm, flowing, flowOf, largest, largestFlow, strength, valuesOf } from "../static/drawing/frame_values.js";

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
    gradient_norms: { first: 0.3, norm: 0.2, second: 1e-4 },
  };
  const scene = { groups: [{ name: "first" }, { name: "second" }], arcs: [] };
  const values = valuesOf(scene, frame);
  assert.deepEqual(values.groups.get("first").edges, [
    { from: 0, to: 0, weight: 0.5, gradient: 0.02, change: undefined, x: undefined },
    { from: 0, to: 1, weight: -2, gradient: -0.3, change: undefined, x: undefined },
  ]);
  assert.deepEqual(values.groups.get("first").moving.map(edge => edge.to), [1, 0]); // the largest gradient first
  assert.equal(values.weight, 4);
  assert.deepEqual(values.gradient, { top: 1, bottom: 1e-6 });
  assert.deepEqual([values.exploding, values.starving, values.fading], [["first", "norm"], ["second"], []]);
  assert.equal(strength(values, "weights", { weight: -2 }), 0.5);
});

test("of an explained step each edge has what goes along it in a row, and how it changes", () => {
  const step = {
    edges: {
      plain: {
        weight: [[0.5, -2], [3, 0]],
        gradient: [[0.1, 0.2], [0.3, 0.4]],
        change: [[-0.01, 0.05], [0, -0.002]],
        x: [[2, 0], [-1, 4]],
        gradient_norm: 0.5,
      },
      pooled: { strongest: [[1, 0, 4, 1e-3], [7, 2, -3, 1e-2]], strongest_change: [0.2, -0.4], strongest_x: [[0, 1], [5, -6]], gradient_norm: 0.1 },
    },
    gradient_norms: { plain: 0.5, pooled: 0.1 },
  };
  const values = valuesOf({ groups: [{ name: "plain" }, { name: "pooled" }], arcs: [] }, step);
  const [plain, pooled] = ["plain", "pooled"].map(name => values.groups.get(name).edges);
  assert.deepEqual(plain.map(edge => flowOf(edge, 0)), [1, -4, 0, 0]);
  assert.deepEqual(plain.map(edge => flowOf(edge, 1)), [-0.5, 2, 12, 0]);
  assert.deepEqual(pooled.map(edge => flowOf(edge, 1)), [4, 18]);
  assert.equal(largestFlow(values, 0), 15);
  assert.equal(largestFlow(values, 1), 18);
  const places = edges => edges.map(({ from, to }) => [from, to]);
  assert.deepEqual(places(flowing(plain, 0)), [[0, 1], [0, 0]]); // the heaviest weight reads 0, and carries nothing
  assert.deepEqual(places(flowing(plain, 1)), [[1, 0], [0, 1], [0, 0]]);
  assert.deepEqual(places(changing(plain)), [[0, 1], [0, 0], [1, 1]]); // not in the order of the gradients
  assert.deepEqual(places(changing(pooled)), [[7, 2], [1, 0]]);
  assert.deepEqual(values.change, { top: 1, bottom: 1e-6 });
});
