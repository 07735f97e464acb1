/* What each kind of layer computes on the way back: its delta, the gradients of its parameters, and what it passes on.
 *
 * Rows, units and inputs are counted from 1 in formulas. Sums are written out as far as the answer holds their terms.
 */

import { figure } from "../../core/format.js";
import { largest, matrix, pick } from "./example.js";
import { targetAt } from "./loss_lines.js";
import { equals, fenced, fraction, letters, name, product, row, sign, sub, sumOf, sumOver, transposed, value } from "./mathml.js";

/** Return lines, matrices and words of a layer's way back. */
export function backward(node, context) {
  const { step } = node;
  const at = pick(node, context.i);
  const { i, j, line, unit } = at;
  if (!step.dz) {
    return { said: `No layer before ${node.name} learns, so nothing is passed back to it.`, lines: [], matrices: [] };
  }
  const own = BACKWARD[step.kind]?.(node, at, context) ?? { lines: [], matrices: [] };
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
function passedBack({ name: layer, before, shared, step, last }, { i, j, line }) {
  if (!before) return { lines: [], notes: [`${layer} is the first layer: nothing before it needs a gradient.`], matrices: [] };
  if (shared) return { lines: [], notes: ["What goes back from here is added to what comes over the skip connection."], matrices: [] };
  const dx = before.step.da;
  if (!dx) return { lines: [], notes: [`Nothing that learns lies before ${layer}, so it passes no gradient back.`], matrices: [] };
  const { weight } = step.parameters;
  const k = weight ? (largest(dx.values[i].slice(0, weight.before.values.length)) ?? 0) : j;
  const shown = matrix("dx", `by x: what ${before.name} gets`, dx, [i, k]);
  if (last || step.kind !== "Dense" || !weight) return { lines: [row(sub("dx", line, k + 1), equals, value(dx.values[i][k]))], notes: [], matrices: [shown] };
  const deltas = step.dz.values[i];
  const terms = deltas.map((one, to) => product(value(one, true), value(weight.before.values[k][to])));
  return {
    lines: [
      row(letters("dx"), equals, letters("dz"), transposed(name("W"))),
      row(sub("dx", line, k + 1), equals, sumOver("j", row(sub("dz", line, "j"), sub("w", k + 1, "j"))), equals, sumOf(terms, step.dz.shape[1]), equals, value(dx.values[i][k])),
    ],
    notes: [],
    matrices: [shown],
  };
}

function denseBack({ step }, { j, k, unit, input }, { n }) {
  const { weight, bias } = step.parameters;
  const deltas = step.dz.values.map(one => one[j]);
  const terms = deltas.map((one, i) => product(value(step.x.values[i][k], true), value(one)));
  return {
    lines: [
      row(letters("dW"), equals, transposed(name("x")), letters("dz")),
      row(sub("dw", input, unit), equals, sumOver("i", row(sub("x", "i", input), sub("dz", "i", unit))), equals, sumOf(terms, n), equals, value(weight.gradient.values[k][j])),
      ...(bias ? [summed("db", unit, deltas, n, bias.gradient.values[j])] : []),
    ],
    matrices: [
      matrix("x", "what came in", step.x, [null, k]),
      matrix("dW", "by the weights", weight.gradient, [k, j]),
      ...(bias ? [matrix("db", "by the bias", bias.gradient, [0, j])] : []),
    ],
  };
}

function summed(symbol, unit, deltas, n, total) {
  return row(sub(symbol, unit), equals, sumOver("i", sub("dz", "i", unit)), equals, sumOf(deltas.map((one, i) => value(one, i > 0)), n), equals, value(total));
}

function normalisedBack({ step }, { j, unit }, { n }) {
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

function dropoutBack(_, { line, unit }) {
  const factor = fraction(sub("m", line, unit), row(["mn", "1"], sign("−"), name("p")));
  return { lines: [row(sub("dx", line, unit), equals, sub("dz", line, unit), sign("·"), factor)], matrices: [] };
}

function residualBack(node, at, context) {
  const back = node.step.parameters.weight ? row(letters("dz"), transposed(name("W"))) : letters("dz");
  const own = node.step.parameters.weight ? denseBack(node, at, context) : { lines: [], matrices: [] };
  const sum = row(letters("dx"), equals, back, sign("+"), ["mtext", "what comes back through the layers inside"]);
  return { lines: [row(letters("dh"), equals, letters("dz")), ...own.lines, sum], matrices: own.matrices };
}

const BACKWARD = { Dense: denseBack, BatchNorm: normalisedBack, LayerNorm: normalisedBack, Dropout: dropoutBack, Residual: residualBack };
