/* A GaussianNoise layer: a random number is added to every value. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, row, sign, sub, value } from "../formulas/mathml.js";

/** What `KINDS` holds of it. */
export const noise = { forward };

function forward({ step, spec }, { i, j, line, unit }) {
  const [x, z] = [step.x.values[i][j], step.z.values[i][j]];
  return {
    said: `While training, a normal random number with deviation ${figure(spec.stddev)} is added to every value. Row ${line}, unit ${unit}: ${figure(x)} becomes ${figure(z)}.`,
    lines: [row(sub("z", line, unit), equals, sub("x", line, unit), sign("+"), sub("ε", line, unit), equals, value(x), sign("+"), value(z - x, true), equals, value(z))],
    matrices: [matrix("x", "what comes in", step.x, [i, j]), matrix("z", "what goes on", step.z, [i, j])],
  };
}
