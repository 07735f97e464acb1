import assert from "node:assert/strict";
import test from "node:test";

import { beatsOf } from "../static/look/explain/beats.js";
import { text } from "./text.js";

const array = values => ({ shape: [values.length, values[0].length], values });
const flat = values => ({ shape: [values.length], values });

// One Dense unit, two rows, mean squared error, SGD at 0.1; all is worked out by hand.
const ANSWER = {
  rows: [5, 8],
  target: [1, 2],
  prediction: array([[0.125], [1.875]]),
  loss: (0.875 ** 2 + 0.125 ** 2) / 2,
  loss_after: 0.070390625,
  loss_name: "mean_squared_error",
  learning_rate: 0.1,
  layers: [
    {
      name: "out",
      kind: "Dense",
      activation: "identity",
      x: array([[1, 2], [3, -1]]),
      z: array([[0.125], [1.875]]),
      a: array([[0.125], [1.875]]),
      da: array([[-0.875], [-0.125]]),
      dz: array([[-0.875], [-0.125]]),
      parameters: {
        weight: { before: array([[0.5], [-0.25]]), gradient: { ...array([[-1.25], [-1.625]]), norm: 2.0501524 }, after: array([[0.625], [-0.0875]]) },
        bias: { before: flat([0.125]), gradient: { ...flat([-1]), norm: 1 }, after: flat([0.225]) },
      },
    },
  ],
};
const STATE = {
  names: ["out"],
  layers: [{ type: "Dense", units: 1 }],
  data: { features: ["u", "v"], classes: null, standardized: false },
  training: { class_weight: null, loss: null },
  optimizer: { type: "SGD", learning_rate: 0.1 },
};
const SCHEMA = { losses: { MeanSquaredError: { name: "mean_squared_error", formula: "mean_j d_j ** 2" } }, activations: [], layers: {} };

const beats = beatsOf(ANSWER, STATE, SCHEMA);
const beat = key => beats.find(one => one.key === key);
const lines = key => beat(key).lines.map(text);

test("a step has six parts, in order", () => {
  assert.deepEqual(beats.map(({ part, key }) => [part, key]), [
    [0, "input"], [1, "forward:out"], [2, "loss"], [3, "backward:out"], [4, "update:out"], [5, "new_loss"],
  ]);
});

test("the batch comes in", () => {
  assert.equal(beat("input").said, "2 rows with 2 features each come in together. Row 1 of them is row 5 of the data; its target is 1.");
  assert.deepEqual(lines("input"), ["x1=(1,2)"]);
});

test("forward: the sum of inputs times weights", () => {
  assert.equal(beat("forward:out").said, "2 rows of 2 times weights 2 by 1, plus the bias. Row 1, unit 1: z is 0.125.");
  assert.deepEqual(lines("forward:out"), ["z=xW+b", "z1,1=∑kx1,kwk,1+b1=1·0.5+2·(−0.25)+0.125=0.125"]);
  assert.deepEqual(beat("forward:out").matrices.map(({ symbol, mark }) => [symbol, mark]), [["x", [0, null]], ["W", [null, 0]], ["b", [0, 0]], ["z", [0, 0]]]);
});

test("the loss, of the batch and of one row", () => {
  assert.equal(beat("loss").said, "The loss of 2 rows is 0.3906. For row 1 the network says 0.125; the target is 1.");
  assert.deepEqual(lines("loss"), ["L=(1)/(2)∑ili=0.3906", "l1=meanj(ŷ1,j−y1,j)^2=(0.125−1)^2"]);
});

test("backward: the delta, and with it the gradients", () => {
  assert.equal(beat("backward:out").said, "Row 1, unit 1: the delta is −0.875. Norms of the gradients: of the weight 2.05, of the bias 1.");
  assert.deepEqual(lines("backward:out"), [
    "dz1,1=da1,1=−0.875",
    "dW=x^Tdz",
    "dw2,1=∑ixi,2dzi,1=2·(−0.875)+(−1)·(−0.125)=−1.625",
    "db1=∑idzi,1=−0.875+(−0.125)=−1",
  ]);
  assert.equal(beat("backward:out").norm, 2.0501524);
  assert.match(beat("backward:out").notes.at(-1), /^out is the first layer/);
});

test("update: old less rate times gradient, where the optimizer is nothing else", () => {
  assert.equal(beat("update:out").said, "weight 2, 1: −0.25 becomes −0.0875; its gradient is −1.625. bias 1: 0.125 becomes 0.225; its gradient is −1.");
  assert.equal(lines("update:out")[0], "w2,1new=w2,1−ηdw2,1=−0.25−0.1·(−1.625)=−0.0875");
  const [change] = beatsOf(ANSWER, { ...STATE, optimizer: { type: "Adam" } }, SCHEMA).filter(one => one.key === "update:out");
  assert.equal(text(change.lines[0]), "w2,1new=w2,1+Δw2,1=−0.25+0.1625=−0.0875");
  assert.match(change.notes[0], /^Adam makes the step/);
});

test("the new loss of the same rows", () => {
  assert.equal(beat("new_loss").said, "After the step the loss of the same 2 rows is 0.07039; it was 0.3906. It has fallen by 0.3202.");
  const [worse] = beatsOf({ ...ANSWER, loss_after: 1 }, STATE, SCHEMA).slice(-1);
  assert.match(worse.said, /It has risen by 0.6094\.$/);
  assert.equal(worse.notes.length, 1);
  const [lost] = beatsOf({ ...ANSWER, loss_after: null }, STATE, SCHEMA).slice(-1);
  assert.match(lost.said, /no longer a finite number/);
});
