/* A kind of layer that this page knows no formula of. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, row, sub, value } from "../formulas/mathml.js";

/** What stands in the place of an entry of `KINDS`. */
export const other = { forward };

function forward({ name: layer, step }, { i, j, line, unit }) {
  return {
    said: `${layer} makes ${figure(step.a.values[i][j])} of row ${line}, unit ${unit}.`,
    lines: [row(sub("a", line, unit), equals, value(step.a.values[i][j]))],
    matrices: [matrix("x", "what comes in", step.x, [i, null]), matrix("a", "what goes on", step.a, [i, j])],
  };
}
