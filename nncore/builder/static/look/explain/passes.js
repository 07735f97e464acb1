/* A layer's way forward and its way back, as beats show them: what all kinds have in common. */

import { figure } from "../../core/format.js";
import { largest, matrix, pick } from "./formulas/example.js";
import { equals, fenced, fraction, letters, name, row, sign, sub, value } from "./formulas/mathml.js";
import { kindOf } from "./kinds/kinds.js";
import { targetAt } from "./loss_lines.js";

/** Return lines, matrices and words of a layer's way forward. */
export function forward(node, context) {
  const at = pick(node, context.i);
  return { ...kindOf(node.step.kind).forward(node, at, context), example: at };
}

/** Return lines, matrices and words of a layer's way back. */
export function backward(node, context) {
  const { step } = node;
  const at = pick(node, context.i);
  const { i, j, line, unit } = at;
  if (!step.dz) {
    return { said: `No layer before ${node.name} learns, so nothing is passed back to it.`, lines: [], matrices: [] };
  }
  const own = kindOf(step.kind).backward?.(node, at, context) ?? { lines: [], matrices: [] };
  const start = delta(node, at, context);
  const dx = passedBack(node, at);
  const norms = Object.entries(step.parameters).map(([of, { gradient }]) => `of the ${of} ${figure(gradient.norm)}`);
  return {
    said: `Row ${line}, unit ${unit}: the delta is ${figure(step.dz.values[i][j])}.${norms.length ? ` Norms of the gradients: ${norms.join(", ")}.` : ""}`,
    lines: [...start.lines, ...own.lines, ...dx.lines],
    notes: [...start.notes, ...dx.notes],
    matrices: [matrix("dz", "delta: by z", step.dz, [i, j]), ...own.matrices, ...dx.matrices],
  };
}

/** Return how the delta comes about: through the activation, or, at the end, out of the loss. */
function delta({ step }, { i, j, line, unit }, { answer, state, n }) {
  const dz = step.dz.values[i][j];
  if (step.da === null) return fromLoss(step, { i, j, line, unit }, answer, state, n);
  if (step.activation === "identity") {
    return { lines: [row(sub("dz", line, unit), equals, sub("da", line, unit), equals, value(dz))], notes: [SHORT] };
  }
  const slope = argument => row(["msup", name("f"), sign("′")], fenced(argument));
  const [da, z] = [step.da.values[i][j], step.z.values[i][j]];
  if (step.activation === "softmax") return { lines: [row(sub("dz", line, unit), equals, value(dz))], notes: [SHORT] };
  return {
    lines: [
      row(letters("dz"), equals, letters("da"), sign("⊙"), slope(name("z"))),
      row(sub("dz", line, unit), equals, sub("da", line, unit), sign("·"), slope(sub("z", line, unit)), equals, value(da), sign("·"), slope(value(z)), equals, value(dz)),
    ],
    notes: [`${SHORT} f′ is the slope of ${step.activation}.`],
  };
}

const SHORT = "dz is short for ∂L/∂z, and so with the others; da comes from the layer behind, or from the loss.";

function fromLoss(step, { i, j, line, unit }, answer, state, n) {
  const outputs = step.activation === "softmax" ? 1 : step.a.shape[1];
  const rows = outputs === 1 ? name("n") : row(name("n"), sign("·"), name("m"));
  const weight = state.training.class_weight ? [sub("w", line), sign("·")] : [];
  const below = outputs === 1 ? ["mn", String(n)] : row(["mn", String(n)], sign("·"), ["mn", String(outputs)]);
  const numbers = weight.length ? [] : [equals, fraction(row(value(step.a.values[i][j]), sign("−"), value(targetAt(answer, i, j))), below)];
  const formula = fraction(row(...weight, fenced(sub("a", line, unit), sign("−"), sub("y", line, unit))), rows);
  const plain = fraction(row(sub("a", line, unit), sign("−"), sub("y", line, unit)), rows);
  return {
    lines: [row(sub("dz", line, unit), equals, weight.length ? formula : plain, ...numbers, equals, value(step.dz.values[i][j]))],
    notes: [`dz is short for ∂L/∂z. The loss takes ${step.activation} over, so that both are derived in one. y is ${step.activation === "softmax" ? "1 for the class of the row, else 0" : "the target"}, n the number of rows.`],
  };
}

/** Return what goes to the layer before: the derivative by what this one read. */
function passedBack(node, at) {
  const { name: layer, before, shared, step } = node;
  const { i, j, line } = at;
  if (!before) return { lines: [], notes: [`${layer} is the first layer: nothing before it needs a gradient.`], matrices: [] };
  if (shared) return { lines: [], notes: ["What goes back from here is added to what comes over the skip connection."], matrices: [] };
  const dx = before.step.da;
  if (!dx) return { lines: [], notes: [`Nothing that learns lies before ${layer}, so it passes no gradient back.`], matrices: [] };
  const { weight } = step.parameters;
  const k = weight ? (largest(dx.values[i].slice(0, weight.before.values.length)) ?? 0) : j;
  const shown = matrix("dx", `by x: what ${before.name} gets`, dx, [i, k]);
  const { passedBack: written } = kindOf(step.kind);
  const plain = [row(sub("dx", line, k + 1), equals, value(dx.values[i][k]))];
  return { lines: weight && written ? written(node, at, dx, k) : plain, notes: [], matrices: [shown] };
}
