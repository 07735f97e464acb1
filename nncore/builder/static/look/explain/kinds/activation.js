/* An Activation layer: a function of every value. */

import { figure } from "../../../core/format.js";
import { activated, matrix } from "../formulas/example.js";

/** What `KINDS` holds of it. */
export const activation = { forward };

function forward(node, at, { schema }) {
  const { step } = node;
  const { i, j, line, unit } = at;
  return {
    said: `${step.activation} of every value. Row ${line}, unit ${unit}: ${figure(step.z.values[i][j])} becomes ${figure(step.a.values[i][j])}.`,
    lines: activated(node, at, schema),
    matrices: [matrix("z", "what comes in", step.z, [i, j]), matrix("a", step.activation, step.a, [i, j])],
  };
}
