/* What each kind of layer computes on the way forward: the formula, and the same with the numbers of one row and unit.
 *
 * Rows, units and inputs are counted from 1 in formulas. Sums are written out as far as the answer holds their terms.
 */

import { counted, figure } from "../../core/format.js";
import { activated, matrix, pick } from "./example.js";
import { equals, fraction, name, product, root, row, sign, sub, sumOf, sumOver, value } from "./mathml.js";

/** Return lines, matrices and words of a layer's way forward. */
export function forward(node, context) {
  const at = pick(node, context.i);
  const way = FORWARD[node.step.kind] ?? unknown;
  return { ...way(node, at, context), example: at };
}

function dense(node, at, { n, schema }) {
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

function activation(node, at, { schema }) {
  const { step } = node;
  const { i, j, line, unit } = at;
  return {
    said: `${step.activation} of every value. Row ${line}, unit ${unit}: ${figure(step.z.values[i][j])} becomes ${figure(step.a.values[i][j])}.`,
    lines: activated(node, at, schema),
    matrices: [matrix("z", "what comes in", step.z, [i, j]), matrix("a", step.activation, step.a, [i, j])],
  };
}

function normalised(over) {
  return ({ step, spec }, { i, j, line, unit }, { schema }) => {
    const [place, index, mark] = over === "rows" ? [j, unit, [0, j]] : [i, line, [i, 0]];
    const { mean, variance } = step.statistics;
    const { gamma, beta } = step.parameters;
    const epsilon = spec.epsilon ?? schema.layers[step.kind].fields.epsilon.default;
    const [x, z] = [step.x.values[i][j], step.z.values[i][j]];
    const shape = (above, below) => fraction(above, root(row(...below)));
    const general = shape(row(sub("x", line, unit), sign("−"), sub("μ", index)), [sub("σ²", index), sign("+"), name("ε")]);
    const numbers = shape(row(value(x), sign("−"), value(mean.values[place], true)), [value(variance.values[place]), sign("+"), value(epsilon)]);
    const scaled = (ratio, by, shift) => (gamma ? row(by, sign("·"), ratio, sign("+"), shift) : ratio);
    const left = scaled(general, sub("γ", unit), sub("β", unit));
    const right = scaled(numbers, gamma && value(gamma.before.values[j]), beta && value(beta.before.values[j], true));
    return {
      said: `Over the ${over === "rows" ? "rows of the batch" : "columns of the row"} the mean is ${figure(mean.values[place])} and the variance ${figure(variance.values[place])}; they are brought to 0 and 1${gamma ? ", then scaled and shifted" : ""}. Row ${line}, unit ${unit}: ${figure(x)} becomes ${figure(z)}.`,
      lines: [row(sub("z", line, unit), equals, left), row(sub("z", line, unit), equals, right, equals, value(z))],
      matrices: [
        matrix("x", "what comes in", step.x, over === "rows" ? [null, j] : [i, null]),
        matrix("μ", `mean over ${over}`, asRows(mean, over), mark),
        matrix("σ²", `variance over ${over}`, asRows(variance, over), mark),
        matrix("z", "what goes on", step.z, [i, j]),
      ],
    };
  };
}

function asRows(array, over) {
  return over === "rows" ? array : { ...array, shape: [array.shape[0], 1], values: array.values.slice(0, 8).map(one => [one]) };
}

function dropout({ step, spec }, { i, j, line, unit }) {
  const [x, z] = [step.x.values[i][j], step.z.values[i][j]];
  const kept = z !== 0;
  const result = [equals, kept ? fraction(value(x), row(["mn", "1"], sign("−"), value(spec.rate))) : null, kept ? equals : null, value(z)].filter(Boolean);
  const fate = x === 0 ? "it was zero before" : kept ? "it is kept, and made larger for those that are dropped" : "it is dropped";
  return {
    said: `A random share of ${figure(spec.rate)} of the values becomes zero while training. Row ${line}, unit ${unit}: ${fate}.`,
    lines: [row(sub("z", line, unit), equals, sub("m", line, unit), sign("·"), fraction(sub("x", line, unit), row(["mn", "1"], sign("−"), name("p"))), ...result)],
    notes: ["m is 1 where a value is kept and 0 where it is dropped; p is the rate."],
    matrices: [matrix("x", "what comes in", step.x, [i, j]), matrix("z", "what goes on", step.z, [i, j])],
  };
}

function residual({ step, last }, { i, j, line, unit }) {
  const { weight } = step.parameters;
  const inside = last?.step.a ?? null;
  const skip = weight ? row(name("x"), name("W")) : name("x");
  const z = step.z.values[i][j];
  const one = !weight && inside ? [row(sub("z", line, unit), equals, sub("h", line, unit), sign("+"), sub("x", line, unit), equals, value(inside.values[i][j]), sign("+"), value(step.x.values[i][j], true), equals, value(z))] : [];
  return {
    said: `What the layers inside make of it, plus ${weight ? "a projection of " : ""}what came in. Row ${line}, unit ${unit}: ${figure(z)}.`,
    lines: [row(name("z"), equals, name("h"), sign("+"), skip), ...one],
    notes: ["h is what the last layer inside the group gives."],
    matrices: [
      matrix("x", "what comes in", step.x, weight ? [i, null] : [i, j]),
      ...(inside ? [matrix("h", "from inside", inside, [i, j])] : []),
      ...(weight ? [matrix("W", "projection", weight.before, [null, j])] : []),
      matrix("z", "the sum", step.z, [i, j]),
    ],
  };
}

function unknown({ name: layer, step }, { i, j, line, unit }) {
  return {
    said: `${layer} makes ${figure(step.a.values[i][j])} of row ${line}, unit ${unit}.`,
    lines: [row(sub("a", line, unit), equals, value(step.a.values[i][j]))],
    matrices: [matrix("x", "what comes in", step.x, [i, null]), matrix("a", "what goes on", step.a, [i, j])],
  };
}

const FORWARD = { Dense: dense, Activation: activation, BatchNorm: normalised("rows"), LayerNorm: normalised("columns"), Dropout: dropout, Residual: residual };
