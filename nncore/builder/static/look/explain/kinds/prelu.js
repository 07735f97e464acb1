/* A PReLU layer: a relu whose slope below zero is learned. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, row, sign, sub, sumOver, value } from "../formulas/mathml.js";

/** What `KINDS` holds of it. */
export const prelu = { forward, backward };

function forward({ step }, { i, j, line, unit }) {
  const [x, z, alpha] = [step.x.values[i][j], step.z.values[i][j], step.parameters.alpha.before.values[j]];
  const result = x > 0 ? [sub("x", line, unit)] : [sub("α", unit), sign("·"), sub("x", line, unit), equals, value(alpha), sign("·"), value(x, true)];
  return {
    said: `What is positive stays, what is not is multiplied by a slope that is learned. Row ${line}, unit ${unit}: ${figure(x)} becomes ${figure(z)}.`,
    lines: [row(sub("z", line, unit), equals, ...result, equals, value(z))],
    matrices: [
      matrix("x", "what comes in", step.x, [i, j]),
      matrix("α", "slopes", step.parameters.alpha.before, [0, j]),
      matrix("z", "what goes on", step.z, [i, j]),
    ],
  };
}

function backward({ step }, { j, unit }) {
  const { gradient } = step.parameters.alpha;
  const below = row(["mi", "min"], sign("("), sub("x", "i", unit), sign(","), ["mn", "0"], sign(")"));
  return {
    lines: [row(sub("dα", unit), equals, sumOver("i", row(sub("dz", "i", unit), sign("·"), below)), equals, value(gradient.values[j]))],
    matrices: [matrix("dα", "by the slopes", gradient, [0, j])],
  };
}
