import assert from "node:assert/strict";
import test from "node:test";

import { again, blocks, detailOf, extentOf, hit, lineOf, nodeY, sceneOf } from "../static/drawing/geometry.js";

const data = { n_features: 2, features: ["u", "v"], classes: null, target: "t" };
const dense = (units, name = "identity") => ({ type: "Dense", units, activation: { name } });

/** 2 inputs, 3 units, 1 output on 700 x 300. */
function small() {
  return sceneOf({ data, names: ["first", "second"], layers: [dense(3, "relu"), dense(1)] }, 700, 300);
}

const edges = [{ from: 0, to: 2, weight: 1 }];
const values = { groups: new Map([["first", { entry: {}, edges }], ["second", { entry: {}, edges: [] }]]) };

const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-3, `${found} is not ${wanted}`);

test("the band of the nodes lies between headings and norms", () => {
  const scene = small();
  assert.deepEqual(scene.band, { top: 4 + 34 + 6, bottom: 300 - 50 - 8 });
  assert.equal(scene.normTop, 250);
});

test("columns stand 280 apart where there is room, in the middle", () => {
  const scene = small();
  assert.equal(scene.width, 700);
  // 64 and 44 beside them, so (700 - 64 - 44 - 2 * 280) / 2 = 16 more on either side
  scene.columns.forEach((column, i) => near(column.x, 64 + 16 + 280 * i));
});

test("nodes are 42 apart, around the middle of the band", () => {
  const [inputs, hidden, outputs] = small().columns;
  assert.deepEqual([0, 1].map(unit => nodeY(inputs, unit)), [122, 164]);
  assert.deepEqual([0, 1, 2].map(unit => nodeY(hidden, unit)), [101, 143, 185]);
  assert.equal(nodeY(outputs, 0), 143);
  assert.equal(hidden.radius, 10);
});

test("a network that is too wide makes the drawing wider", () => {
  const layers = Array.from({ length: 10 }, () => dense(3));
  const names = layers.map((_, i) => `layer ${i}`);
  assert.equal(sceneOf({ data, names, layers }, 300, 300).width, 64 + 44 + 10 * 66);
});

test("columns say how wide they are, and their function", () => {
  assert.deepEqual(small().columns.map(detailOf), ["2 features", "3 relu", "1 unit"]);
});

test("outputs are named after classes, the second of two, or the target", () => {
  const named = (classes, units) => sceneOf({ data: { ...data, classes }, names: ["a"], layers: [dense(units)] }, 700, 300).columns[1].labels;
  assert.deepEqual(named(null, 1), ["t"]);
  assert.deepEqual(named(["no", "yes"], 1), ["yes"]);
  assert.deepEqual(named(["x", "y", "z"], 3), ["x", "y", "z"]);
  assert.deepEqual(named(["x", "y", "z"], 2), []);
});

test("a wide layer is pooled, and its weight a heat map", () => {
  const scene = sceneOf({ data, names: ["a", "b"], layers: [dense(25), dense(1)] }, 700, 300);
  assert.deepEqual(scene.groups.map(group => Boolean(group.pooled)), [true, true]);
  assert.equal(scene.columns[1].wide, true);
  assert.equal(scene.band.bottom, 300 - 50 - 8 - (62 + 14 + 28 + 8));
});

test("a group has an arc from what comes in to what goes out, and each storey costs 20", () => {
  const layers = [{ type: "Residual", layers: [dense(2), { type: "Residual", layers: [dense(2)] }] }];
  const scene = sceneOf({ data, names: ["outer", "a", "inner", "b"], layers }, 700, 300);
  assert.deepEqual(scene.arcs.map(({ name, from, to, depth }) => [name, from, to, depth]), [["outer", 0, 2, 1], ["inner", 1, 2, 2]]);
  assert.equal(scene.band.top, 44 + 2 * 20);
});

test("a pooled axis is cut as the server cuts it", () => {
  assert.deepEqual(blocks(10, 4), [0, 2, 5, 7, 10]);
  assert.deepEqual(blocks(6, 3), [0, 2, 4, 6]);
});

test("a point hits the node, the edge, or the layer that is there", () => {
  const scene = small();
  const [, hidden] = scene.columns;
  assert.deepEqual(hit(scene, values, hidden.x + 3, 142), { kind: "node", index: 1, unit: 1 });
  const { x0, y0, x1, y1 } = lineOf(scene, scene.groups[0], edges[0]);
  const found = hit(scene, values, (x0 + x1) / 2, (y0 + y1) / 2 + 2);
  assert.deepEqual([found.kind, found.edge], ["edge", edges[0]]);
  assert.deepEqual(hit(scene, values, hidden.x - 100, 236), { kind: "column", index: 1 });
  assert.equal(hit(scene, values, 2, 2), null);
});

test("what was pointed at is found again while it is there", () => {
  const scene = small();
  const found = { kind: "edge", group: scene.groups[0], index: 1, edge: edges[0] };
  const later = { groups: new Map([["first", { entry: {}, edges: [{ from: 0, to: 2, weight: 5 }] }]]) };
  assert.equal(again(scene, later, found).edge.weight, 5);
  assert.equal(again(scene, { groups: new Map([["first", { entry: {}, edges: [] }]]) }, found), null);
  assert.equal(again(scene, later, { kind: "column", index: 3 }), null);
});

test("what belongs to a layer reaches half of the way to the next, at most 34", () => {
  const scene = small();
  const [from, to] = extentOf(scene, 1);
  near(from, scene.groups[0].start + 34);
  near(to, scene.columns[1].x + 34);
});
