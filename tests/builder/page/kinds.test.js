import assert from "node:assert/strict";
import test from "node:test";

import { chain } from "../static/look/explain/chain.js";
import { kindOf } from "../static/look/explain/kinds/kinds.js";
import { backward, forward } from "../static/look/explain/passes.js";
import { text } from "./text.js";

const array = values => ({ shape: [values.length, values[0].length], values });
const flat = values => ({ shape: [values.length], values });
const at = { i: 0, j: 0, k: 0, line: 1, unit: 1, input: 1 };

/** What a kind says of one row and one unit. */
function said(kind, step, others = {}, context = { n: 1 }) {
  const node = { name: "it", spec: {}, step: { kind, parameters: {}, ...step }, ...others };
  const found = kindOf(kind).forward(node, at, context);
  return { ...found, lines: found.lines.map(text) };
}

test("dropout keeps a value, drops it, or finds none", () => {
  const one = (x, z) => said("Dropout", { x: array([[x]]), z: array([[z]]) }, { spec: { rate: 0.25 } });
  assert.match(one(3, 4).said, /share of 0.25 .* it is kept, and made larger/);
  assert.deepEqual(one(3, 4).lines, ["z1,1=m1,1·(x1,1)/(1−p)=(3)/(1−0.25)=4"]);
  assert.match(one(3, 0).said, /it is dropped\.$/);
  assert.deepEqual(one(3, 0).lines, ["z1,1=m1,1·(x1,1)/(1−p)=0"]);
  assert.match(one(0, 0).said, /it was zero before\.$/);
});

test("batch and layer normalisation differ in what they go over", () => {
  const step = { x: array([[4]]), z: array([[0.9999]]), statistics: { mean: flat([2]), variance: flat([4]) } };
  const spec = { epsilon: 0.001 };
  const [batch, layer] = ["BatchNorm", "LayerNorm"].map(kind => said(kind, step, { spec }));
  assert.match(batch.said, /^Over the rows of the batch the mean is 2 and the variance 4; they are brought to 0 and 1\. Row 1, unit 1: 4 becomes 0.9999\.$/);
  assert.match(layer.said, /^Over the columns of the row/);
  assert.deepEqual(batch.lines, ["z1,1=(x1,1−μ1)/(√(σ²1+ε))", "z1,1=(4−2)/(√(4+0.001))=0.9999"]);
  assert.deepEqual([batch, layer].map(found => found.matrices[1].title), ["mean over rows", "mean over columns"]);
});

test("scale and shift follow, where the layer has them", () => {
  const parameters = { gamma: { before: flat([2]) }, beta: { before: flat([-1]) } };
  const step = { x: array([[4]]), z: array([[1]]), statistics: { mean: flat([2]), variance: flat([4]) }, parameters };
  const context = { schema: { layers: { BatchNorm: { fields: { epsilon: { default: 0.001 } } } } } };
  const found = said("BatchNorm", step, {}, context);
  assert.equal(found.lines[1], "z1,1=2·(4−2)/(√(4+0.001))+(−1)=1");
});

test("a slope that is learned multiplies what is not positive", () => {
  const parameters = { alpha: { before: flat([0.25]), gradient: flat([-3]) } };
  const one = (x, z) => said("PReLU", { x: array([[x]]), z: array([[z]]), parameters });
  assert.deepEqual(one(2, 2).lines, ["z1,1=x1,1=2"]);
  assert.deepEqual(one(-2, -0.5).lines, ["z1,1=α1·x1,1=0.25·(−2)=−0.5"]);
  const back = kindOf("PReLU").backward({ step: { parameters } }, at, { n: 1 });
  assert.match(back.lines.map(text)[0], /^dα1=.*=−3$/);
});

test("the mean square of a row, and noise", () => {
  const step = { x: array([[4]]), z: array([[2]]), statistics: { square: flat([4]) } };
  const found = said("RMSNorm", step, { spec: { epsilon: 0.001 } });
  assert.deepEqual(found.lines, ["z1,1=(x1,1)/(√(q1+ε))", "z1,1=(4)/(√(4+0.001))=2"]);
  assert.equal(kindOf("RMSNorm").backward({ step: { parameters: {} } }, at, { n: 1 }), null);
  const noisy = said("GaussianNoise", { x: array([[1]]), z: array([[0.5]]) }, { spec: { stddev: 0.1 } });
  assert.deepEqual(noisy.lines, ["z1,1=x1,1+ε1,1=1+(−0.5)=0.5"]);
});

test("a group adds what came in, or its projection", () => {
  const step = { x: array([[2]]), z: array([[5]]) };
  const last = { step: { a: array([[3]]) } };
  assert.deepEqual(said("Residual", step, { last }).lines, ["z=h+x", "z1,1=h1,1+x1,1=3+2=5"]);
  const weight = { before: array([[1]]) };
  assert.deepEqual(said("Residual", { ...step, parameters: { weight } }, { last }).lines, ["z=h+xW"]);
});

test("an activation is its formula with the number", () => {
  const step = { activation: "relu", formula: "max(0, x)", z: array([[-2]]), a: array([[0]]) };
  const found = said("Activation", step, {}, { schema: { activations: [{ name: "relu" }] } });
  assert.equal(found.said, "relu of every value. Row 1, unit 1: −2 becomes 0.");
  assert.equal(found.lines[1], "a1,1=max(0,z1,1)=max(0,−2)=0");
});

test("a kind that is not known says what goes in and comes out", () => {
  const step = { kind: "Novel", x: array([[1]]), a: array([[7]]), dz: null, parameters: {}, z: array([[7]]) };
  const found = forward({ name: "new", spec: {}, step }, { i: 0 });
  assert.equal(found.said, "new makes 7 of row 1, unit 1.");
  assert.match(backward({ name: "new", step }, { i: 0 }).said, /^No layer before new learns/);
});

test("what is passed back is written out by Dense alone", () => {
  const weight = { before: array([[0.5, -1], [2, 3]]), gradient: { ...array([[1, 1], [1, 1]]), norm: 2 } };
  const step = { kind: "Dense", activation: "identity", x: array([[1, 1]]), z: array([[0, 0]]), a: array([[0, 0]]) };
  const deltas = { da: array([[0.1, 0.2]]), dz: array([[0.1, 0.2]]) };
  const before = { name: "before", step: { da: array([[-0.15, 0.8]]) } };
  const context = { i: 0, n: 1, answer: {}, state: {} };
  const found = backward({ name: "it", before, step: { ...step, ...deltas, parameters: { weight } } }, context);
  const lines = found.lines.map(text);
  assert.deepEqual(lines.slice(-2), ["dx=dzW^T", "dx1,2=∑jdz1,jw2,j=0.1·2+0.2·3=0.8"]);
  const plain = backward({ name: "it", before, step: { ...step, ...deltas, kind: "Novel", parameters: {} } }, context);
  assert.deepEqual(plain.lines.map(text).slice(-1), ["dx1,2=0.8"]);
  const shared = backward({ name: "it", before, shared: true, step: { ...step, ...deltas, parameters: { weight } } }, context);
  assert.match(shared.notes.at(-1), /skip connection/);
});

test("what is multiplied is shown as it was rounded", () => {
  const weight = { before: array([[0.51], [2.01]]), gradient: { ...array([[0.25], [0.5]]), norm: 1 } };
  const rounded = { x: array([[1, 2]]), weight: array([[0.5], [2]]), dz: array([[0.25]]) };
  const bias = { before: flat([0.01]), gradient: { ...flat([0.251]), norm: 1 } };
  const own = { x: array([[1.001, 2.002]]), z: array([[4.51]]), a: array([[4.51]]), da: array([[0.251]]), dz: array([[0.251]]) };
  const step = { kind: "Dense", activation: "identity", ...own, parameters: { weight, bias }, rounded };
  const before = { name: "before", step: { da: array([[0.125, 0.5]]) } };
  const context = { i: 0, n: 1, answer: {}, state: {} };
  const ahead = forward({ name: "it", spec: {}, step }, context);
  assert.equal(text(ahead.lines[1]), "z1,1=∑kx1,kwk,1+b1=1·0.5+2·2+0.01=4.51");
  const titles = ahead.matrices.map(({ symbol, title, array: shown }) => [symbol, title, shown.values[0][0] ?? shown.values[0]]);
  assert.deepEqual(titles.slice(0, 3), [["x", "what comes in, rounded to bfloat16", 1], ["W", "weights, rounded to bfloat16", 0.5], ["b", "bias", 0.01]]);
  const back = backward({ name: "it", before, step }, context).lines.map(text);
  assert.deepEqual(back.slice(-4), ["dw2,1=∑ixi,2dzi,1=2·0.25=0.5", "db1=∑idzi,1=0.251=0.251", "dx=dzW^T", "dx1,2=∑jdz1,jw2,j=0.25·2=0.5"]);
  const { rounded: _, ...plain } = step;
  assert.match(text(forward({ name: "it", spec: {}, step: plain }, context).lines[1]), /1\.001·0\.51/);
});

test("the chain goes through groups from inside, and knows who reads the same as a skip connection", () => {
  const layers = [{ type: "Dense" }, { type: "Residual", layers: [{ type: "Dropout" }, { type: "Dense" }] }, { type: "Dense" }];
  const names = ["a", "group", "none", "b", "c"];
  const answer = { layers: ["a", "b", "group", "c"].map(name => ({ name })) }; // the Dropout of 0 does nothing
  const found = chain(answer, { layers, names });
  assert.deepEqual(found.map(node => [node.name, node.before?.name ?? null, node.last?.name ?? null, node.shared]), [
    ["a", null, null, false],
    ["b", "a", null, true],
    ["group", "a", "b", false],
    ["c", "group", null, false],
  ]);
});
