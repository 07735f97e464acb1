/* A Dropout layer: a random share of the values becomes zero. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, fraction, name, row, sign, sub, value } from "../formulas/mathml.js";

/** What `KINDS` holds of it. */
export const dropout = { forward, backward };

function forward({ step, spec }, { i, j, line, unit }) {
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

function backward(_, { line, unit }) {
  const factor = fraction(sub("m", line, unit), row(["mn", "1"], sign("−"), name("p")));
  return { lines: [row(sub("dx", line, unit), equals, sub("dz", line, unit), sign("·"), factor)], matrices: [] };
}
