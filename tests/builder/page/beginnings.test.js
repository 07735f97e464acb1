import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { functionNamed, functionOf, isFunction } from "../static/core/activations.js";
import { arePictures, targetText } from "../static/core/rows.js";
import { hoverFormat, isShare, lower, scoreLabel, scoreText } from "../static/core/score.js";
import { startingValues } from "../static/core/starting_values.js";
import { store } from "../static/core/store.js";
import { nearest, span } from "../static/plot/plane.js";
import { between, css, rgb } from "../static/plot/ramp.js";

beforeEach(() => {
  store.schema = {
    layers: {
      Dense: { fields: { units: { required: true }, activation: { default: null }, name: { default: null } } },
      Activation: { fields: { name: { default: "relu" } } },
      Dropout: { fields: { rate: { required: true } } },
      Residual: { fields: { layers: { required: true } } },
    },
  };
  store.state = {
    layers: [{ type: "Dense", units: 4, activation: { name: "tanh" } }, { type: "Dense", units: 1 }],
    shapes: [{ n_out: 4 }, { n_out: 1 }],
    data: { n_features: 3, classes: ["no", "yes"] },
    training: { metrics_used: ["accuracy"] },
  };
});

test("a kind whose name has a default is a function", () => {
  assert.deepEqual(Object.keys(store.schema.layers).map(isFunction), [false, true, false, false]);
  assert.deepEqual(functionNamed("elu"), { type: "Activation", name: "elu" });
  assert.equal(functionOf({ type: "Activation", name: "elu" }).name, "elu");
  assert.equal(functionOf({ type: "Dropout", rate: 0.1 }), null);
});

test("a new layer keeps the width at its place, and takes the function of its neighbours", () => {
  assert.deepEqual(startingValues("Dense", 1), { type: "Dense", units: 4, activation: { type: "Activation", name: "tanh" } });
  assert.equal(startingValues("Dense", 0).units, 4); // as wide as the first one
  assert.deepEqual(startingValues("Activation", 1), { type: "Activation", name: "tanh" });
  assert.deepEqual(startingValues("Dropout", 1), { type: "Dropout", rate: 0.2 });
  assert.deepEqual(startingValues("Residual", 1).layers.map(({ type, units }) => [type, units]), [["Dense", 4]]);
  assert.equal(startingValues("Residual", 0).layers[0].units, 3);
  store.state.layers = [{ type: "Dense", units: 1 }];
  store.state.shapes = [{ n_out: 1 }];
  assert.deepEqual([startingValues("Dense", 0).units, startingValues("Dense", 0).activation.name], [8, "relu"]);
});

test("an accuracy is a share, an error is not", () => {
  assert.equal(scoreLabel(), "Accuracy");
  assert.equal(scoreText(0.5), "50.0 %");
  store.state.training.metrics_used = ["r2"];
  assert.equal(scoreText(0.5), "0.5000");
  assert.deepEqual([isShare("binary_accuracy"), isShare("acc"), isShare("mae")], [true, true, false]);
  assert.deepEqual([hoverFormat("accuracy"), hoverFormat("loss")], [".1%", ".4g"]);
  assert.deepEqual([lower("Accuracy"), lower("R2")], ["accuracy", "R2"]);
});

test("targets are classes or numbers, and pictures have no value below 0", () => {
  assert.equal(targetText(1, String), "yes");
  assert.equal(targetText(2, String), "–");
  store.state.data.classes = null;
  assert.equal(targetText(1.5, value => `it is ${value}`), "it is 1.5");
  assert.equal(arePictures({ images: { pixels: [[0, 3], [1, 0]] } }), true);
  assert.equal(arePictures({ images: { pixels: [[0, -3]] } }), false);
  assert.equal(arePictures({ images: null }), false);
});

test("a range has a margin, also around one number, and is there without any", () => {
  assert.deepEqual(span([0, 10, NaN], 0.1), [-1, 11]);
  assert.deepEqual(span([3, 3]), [2, 4]);
  assert.deepEqual(span([]), [0, 1]);
});

test("the nearest mark is within 14 pixels", () => {
  const plane = { toX: x => 10 * x, toY: y => 100 - 10 * y };
  const rows = { x: [1, 2, 9], y: [1, 1, 9] };
  assert.equal(nearest(plane, rows, 18, 90), 1);
  assert.equal(nearest(plane, rows, 50, 50), null);
  assert.equal(nearest(plane, rows, 10, 76.5), 0); // 13.5 above
  assert.equal(nearest(plane, rows, 10, 76), null);
});

test("colours lie between others", () => {
  assert.deepEqual(rgb("#0080ff"), [0, 128, 255]);
  assert.deepEqual(rgb("#f08"), [255, 0, 136]);
  assert.deepEqual(between([0, 100, 255], [100, 0, 255], 0.25), [25, 75, 255]);
  assert.equal(css([1, 2, 3], 0.5), "rgb(1 2 3 / 0.5)");
});
