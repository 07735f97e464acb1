/* An RMSNorm layer: each row by the root of its mean square. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, fraction, name, root, row, sign, sub, sumOver, value } from "../formulas/mathml.js";

/** What `KINDS` holds of it. */
export const rmsNorm = { forward, backward };

function forward({ step, spec }, { i, j, line, unit }, { schema }) {
  const [x, z, square] = [step.x.values[i][j], step.z.values[i][j], step.statistics.square.values[i]];
  const { gamma } = step.parameters;
  const epsilon = spec.epsilon ?? schema.layers.RMSNorm.fields.epsilon.default;
  const scaled = (by, ratio) => (gamma ? row(by, sign("·"), ratio) : ratio);
  const left = scaled(sub("γ", unit), fraction(sub("x", line, unit), root(row(sub("q", line), sign("+"), name("ε")))));
  const right = scaled(gamma && value(gamma.before.values[j]), fraction(value(x), root(row(value(square), sign("+"), value(epsilon)))));
  return {
    said: `The mean of the squares of the row is ${figure(square)}; it is brought to 1${gamma ? ", then each column is scaled" : ""}. Row ${line}, unit ${unit}: ${figure(x)} becomes ${figure(z)}.`,
    lines: [row(sub("z", line, unit), equals, left), row(sub("z", line, unit), equals, right, equals, value(z))],
    notes: ["q is the mean of the squares of a row."],
    matrices: [matrix("x", "what comes in", step.x, [i, null]), matrix("z", "what goes on", step.z, [i, j])],
  };
}

function backward({ step }, { j, unit }) {
  const { gamma } = step.parameters;
  if (!gamma) return null;
  return {
    lines: [row(sub("dγ", unit), equals, sumOver("i", row(sub("dz", "i", unit), sub("x̂", "i", unit))), equals, value(gamma.gradient.values[j]))],
    matrices: [matrix("dγ", "by the scale", gamma.gradient, [0, j])],
  };
}
