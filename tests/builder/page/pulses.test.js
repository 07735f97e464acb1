import assert from "node:assert/strict";
import test, { before } from "node:test";

import { store } from "../static/core/store.js";
import { valuesOf } from "../static/drawing/frame_values.js";
import { lineOf, sceneOf } from "../static/drawing/geometry.js";
import { paintBeat } from "../static/drawing/pulses.js";

before(() => (store.schema = { limits: { gradient: { exploding: 100, starving: 1e-3, fading: 1e-2 } } }));

const STATE = {
  names: ["dense_0", "dense_1"],
  layers: [{ type: "Dense", units: 2 }, { type: "Dense", units: 1 }],
  shapes: [{ n_in: 2, n_out: 2 }, { n_in: 2, n_out: 1 }],
  data: { features: ["u", "v"], n_features: 2, classes: null, target: "y" },
};
const STEP = {
  edges: {
    dense_0: { shape: [2, 2], weight: [[0.5, -2], [3, 0.25]], gradient: [[0.3, -0.2], [0.1, 0.4]], change: [[0, 0.05], [-0.5, 0]], x: [[2, 0], [-1, 4]], gradient_norm: 0.5 },
    dense_1: { shape: [2, 1], weight: [[1], [1]], gradient: [[1], [-1]], change: [[0.1], [0]], x: [[8, 1], [1, 1]], gradient_norm: 1.4 },
  },
  gradient_norms: { dense_0: 0.5, dense_1: 1.4 },
};
const STYLE = { positive: "positive", negative: "negative", surface: "surface", accent: "accent" };

/** What the page paints with, keeping what was asked of it. */
class Context {
  constructor() {
    this.made = [];
  }

  beginPath() {
    this.path = [];
  }

  moveTo(x, y) {
    this.path.push([x, y]);
  }

  lineTo(x, y) {
    this.path.push([x, y]);
  }

  arc(x, y, radius) {
    this.path.push({ x, y, radius });
  }

  roundRect() {}

  closePath() {}

  fill() {
    this.made.push({ path: this.path, shade: this.fillStyle });
  }

  stroke() {
    this.made.push({ path: this.path, shade: this.strokeStyle, width: this.lineWidth, stroked: true });
  }
}

function painted(beat, share) {
  const scene = sceneOf(STATE, 600, 300);
  const context = new Context();
  paintBeat(context, scene, valuesOf(scene, STEP), beat, share, STYLE);
  return { scene, made: context.made };
}

/** Return how far a point is from an edge, from 0. */
function aside(scene, [from, to], [x, y]) {
  const { x0, y0, x1, y1 } = lineOf(scene, scene.groups[0], { from, to });
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / Math.hypot(x1 - x0, y1 - y0);
}

const EDGES = [[0, 0], [0, 1], [1, 0], [1, 1]];

/** Return the edge of the first layer that a point lies on. */
function edgeAt(scene, point) {
  return EDGES.reduce((best, edge) => (aside(scene, edge, point) < aside(scene, best, point) ? edge : best));
}

test("forward each edge carries its weight times what it reads in the row", () => {
  for (const [row, expected] of [[0, { "0,0": 1, "0,1": -4 }], [1, { "0,0": -0.5, "0,1": 2, "1,0": 12, "1,1": 1 }]]) {
    const { scene, made } = painted({ kind: "forward", layer: "dense_0", row }, 0.55);
    const dots = made.filter(one => !one.stroked && one.path[0]?.radius);
    const found = Object.fromEntries(dots.map(({ path: [{ x, y, radius }], shade }) => [edgeAt(scene, [x, y]), [radius, shade]]));
    const most = row ? 12 : 8; // of all layers, in that row
    for (const [edge, value] of Object.entries(expected)) {
      assert.deepEqual(found[edge], [1.8 + 3 * (Math.abs(value) / most), value < 0 ? "negative" : "positive"]);
    }
    assert.deepEqual(Object.keys(found).sort(), Object.keys(expected));
  }
});

test("backward the arrows are the gradients of the explained rows", () => {
  const { scene, made } = painted({ kind: "backward", layer: "dense_0", row: 0 }, 0.55);
  const heads = made.filter(one => !one.stroked && one.path.length === 4);
  const signs = Object.fromEntries(heads.map(({ path, shade }) => [edgeAt(scene, path[0]), shade]));
  assert.deepEqual(signs, { "0,0": "positive", "0,1": "negative", "1,0": "positive", "1,1": "positive" });
});

test("an update glows where weights change, the wider the more", () => {
  const { scene, made } = painted({ kind: "update", layer: "dense_0", row: 0 }, 0.5);
  const glows = made.filter(one => one.stroked && one.path.length === 2);
  const ends = glows.map(({ path: [[x0, y0], [x1, y1]], width }) => [String(edgeAt(scene, [(x0 + x1 * 3) / 4, (y0 + y1 * 3) / 4])), width]);
  assert.deepEqual(ends.map(([edge]) => edge), ["1,0", "0,1"]); // the others do not change, though they have gradients
  const width = change => 2 + 8 * (1 + Math.log10(change) / 6); // six decades below 1, the next power of ten
  ends.forEach(([, found], i) => assert.ok(Math.abs(found - width([0.5, 0.05][i])) < 1e-9));
});
