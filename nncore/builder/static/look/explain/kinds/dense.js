/* A Dense layer: x W + b, then its activation. */

import { counted, figure } from "../../../core/format.js";
import { activated, matrix } from "../formulas/example.js";
import { equals, letters, name, product, row, sign, sub, sumOf, sumOver, summed, transposed, value } from "../formulas/mathml.js";

const AS_BFLOAT16 = ", rounded to bfloat16";

/** What `KINDS` holds of it. */
export const dense = { forward, backward: gradients, passedBack };

function forward(node, at, { n, schema }) {
  const { step } = node;
  const { bias } = step.parameters;
  const { x, weight, as } = operands(step);
  const { i, j, line, unit } = at;
  const names = row(name("x"), name("W"), bias ? sign("+") : null, bias ? name("b") : null);
  const inputs = x.values[i].slice(0, weight.values.length);
  const terms = inputs.map((one, k) => product(value(one, true), value(weight.values[k][j])));
  const written = sumOf(terms, x.shape[1]);
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
      matrix("x", `what comes in${as}`, x, [i, null]),
      matrix("W", `weights${as}`, weight, [null, j]),
      ...(bias ? [matrix("b", "bias", bias.before, [0, j])] : []),
      matrix("z", bias ? "x W + b" : "x W", step.z, [i, j]),
      ...(active ? [matrix("a", step.activation, step.a, [i, j])] : []),
    ],
  };
}

/** Return what is multiplied, x, weight and dz, and words for it: the numbers themselves, or each rounded. */
function operands({ x, dz, parameters, rounded = {} }) {
  return { x, dz, weight: parameters.weight.before, ...rounded, as: rounded.x ? AS_BFLOAT16 : "" };
}

/** Return the gradients of weight and bias; those of a residual group's projection are the same. */
export function gradients({ step }, { j, k, unit, input }, { n }) {
  const { weight, bias } = step.parameters;
  const { x, dz, as } = operands(step);
  const deltas = step.dz.values.map(one => one[j]);
  const terms = dz.values.map((one, i) => product(value(x.values[i][k], true), value(one[j])));
  return {
    lines: [
      row(letters("dW"), equals, transposed(name("x")), letters("dz")),
      row(sub("dw", input, unit), equals, sumOver("i", row(sub("x", "i", input), sub("dz", "i", unit))), equals, sumOf(terms, n), equals, value(weight.gradient.values[k][j])),
      ...(bias ? [summed("db", unit, deltas, n, bias.gradient.values[j])] : []),
    ],
    matrices: [
      matrix("x", `what came in${as}`, x, [null, k]),
      matrix("dW", "by the weights", weight.gradient, [k, j]),
      ...(bias ? [matrix("db", "by the bias", bias.gradient, [0, j])] : []),
    ],
  };
}

/** Return the lines of what goes to the layer before, `dx`, for input `k`. */
function passedBack({ step }, { i, line }, dx, k) {
  const { weight, dz } = operands(step);
  const terms = dz.values[i].map((one, to) => product(value(one, true), value(weight.values[k][to])));
  const symbols = sumOver("j", row(sub("dz", line, "j"), sub("w", k + 1, "j")));
  return [
    row(letters("dx"), equals, letters("dz"), transposed(name("W"))),
    row(sub("dx", line, k + 1), equals, symbols, equals, sumOf(terms, step.dz.shape[1]), equals, value(dx.values[i][k])),
  ];
}
