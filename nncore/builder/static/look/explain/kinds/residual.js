/* A Residual group: what its layers make of the input, plus the input or a projection of it. */

import { figure } from "../../../core/format.js";
import { matrix } from "../formulas/example.js";
import { equals, letters, name, row, sign, sub, transposed, value } from "../formulas/mathml.js";
import { gradients } from "./dense.js";

/** What `KINDS` holds of it. */
export const residual = { forward, backward };

function forward({ step, last }, { i, j, line, unit }) {
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

function backward(node, at, context) {
  const back = node.step.parameters.weight ? row(letters("dz"), transposed(name("W"))) : letters("dz");
  const own = node.step.parameters.weight ? gradients(node, at, context) : { lines: [], matrices: [] };
  const sum = row(letters("dx"), equals, back, sign("+"), ["mtext", "what comes back through the layers inside"]);
  return { lines: [row(letters("dh"), equals, letters("dz")), ...own.lines, sum], matrices: own.matrices };
}
