/* A Dense layer: x W + b, then its activation. */

import { counted, figure } from "../../../core/format.js";
import { activated, matrix } from "../formulas/example.js";
import { equals, letters, name, product, row, sign, sub, sumOf, sumOver, summed, transposed, value } from "../formulas/mathml.js";

/** What `KINDS` holds of it. */
export const dense = { forward, backward: gradients, passedBack };

function forward(node, at, { n, schema }) {
  const { step } = node;
  const { weight, bias } = step.parameters;
  const { i, j, line, unit } = at;
  const names = row(name("x"), name("W"), bias ? sign("+") : null, bias ? name("b") : null);
  const inputs = step.x.values[i].slice(0, weight.before.values.length);
  const terms = inputs.map((x, k) => product(value(x, true), value(weight.before.values[k][j])));
  const written = sumOf(terms, step.x.shape[1]);
  const symbols = row(sumOver("k", row(sub("x", line, "k"), sub("w", "k", unit))), ...(bias ? [sign("+"), sub("b", unit)] : []));
  const added = bias ? [sign("+"), value(bias.before.values[j], true)] : [];
  const z = step.z.values[i][j];
  const active = step.activation !== "identity";
  return {
    said: `${counted(n, "row")} of ${step.x.shape[1]} times weights ${step.x.shape[1]} by ${step.z.shape[1]}${bias ? ", plus the bias" : ""}${active ? `, then ${step.activation}` : ""}. Row ${line}, unit ${unit}: z is ${figure(z)}${active ? `, a is ${figure(step.a.values[i][j])}` : ""}.`,
    lines: [
      row(name("z"), equals, names),
      row(sub("z", line, unit), equals, symbols, equals, written, ...added, equals, value(z)),
      ...(active ? activated(node, at, schema) : []),
    ],
    matrices: [
      matrix("x", "what comes in", step.x, [i, null]),
      matrix("W", "weights", weight.before, [null, j]),
      ...(bias ? [matrix("b", "bias", bias.before, [0, j])] : []),
      matrix("z", bias ? "x W + b" : "x W", step.z, [i, j]),
      ...(active ? [matrix("a", step.activation, step.a, [i, j])] : []),
    ],
  };
}

/** Return the gradients of weight and bias; those of a residual group's projection are the same. */
export function gradients({ step }, { j, k, unit, input }, { n }) {
  const { weight, bias } = step.parameters;
  const deltas = step.dz.values.map(one => one[j]);
  const terms = deltas.map((one, i) => product(value(step.x.values[i][k], true), value(one)));
  return {
    lines: [
      row(letters("dW"), equals, transposed(name("x")), letters("dz")),
      row(sub("dw", input, unit), equals, sumOver("i", row(sub("x", "i", input), sub("dz", "i", unit))), equals, sumOf(terms, n), equals, value(weight.gradient.values[k][j])),
      ...(bias ? [summed("db", unit, deltas, n, bias.gradient.values[j])] : []),
    ],
    matrices: [
      matrix("x", "what came in", step.x, [null, k]),
      matrix("dW", "by the weights", weight.gradient, [k, j]),
      ...(bias ? [matrix("db", "by the bias", bias.gradient, [0, j])] : []),
    ],
  };
}

/** Return the lines of what goes to the layer before, `dx`, for input `k`. */
function passedBack({ step }, { i, line }, dx, k) {
  const { before } = step.parameters.weight;
  const terms = step.dz.values[i].map((one, to) => product(value(one, true), value(before.values[k][to])));
  const symbols = sumOver("j", row(sub("dz", line, "j"), sub("w", k + 1, "j")));
  return [
    row(letters("dx"), equals, letters("dz"), transposed(name("W"))),
    row(sub("dx", line, k + 1), equals, symbols, equals, sumOf(terms, step.dz.shape[1]), equals, value(dx.values[i][k])),
  ];
}
