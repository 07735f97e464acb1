/* What BatchNorm and LayerNorm have in common: values brought to mean 0 and variance 1, then scaled and shifted. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, fraction, name, root, row, sign, sub, summed, sumOver, value } from "../formulas/mathml.js";

/** Return the way forward of a layer that normalises over "rows" or "columns". */
export function normalised(over) {
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

/** Return the gradients of scale and shift, or nothing where the layer has none. */
export function normalisedBack({ step }, { j, unit }, { n }) {
  const { gamma, beta } = step.parameters;
  if (!gamma) return null;
  const normal = sub("x̂", "i", unit);
  return {
    lines: [
      row(sub("dγ", unit), equals, sumOver("i", row(sub("dz", "i", unit), normal)), equals, value(gamma.gradient.values[j])),
      summed("dβ", unit, step.dz.values.map(one => one[j]), n, beta.gradient.values[j]),
    ],
    matrices: [matrix("dγ", "by the scale", gamma.gradient, [0, j]), matrix("dβ", "by the shift", beta.gradient, [0, j])],
  };
}
