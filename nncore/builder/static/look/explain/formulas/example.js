/* Which row and unit of a layer stand for all in the formulas, and what the activation does to it. */

import { parse, typeset } from "./formula.js";
import { equals, name, row, sub, value } from "./mathml.js";

/** Return the number of the row that stands for all: the first that sends a gradient to most of the layers. */
export function pickRow(nodes, n) {
  const reached = i => nodes.filter(({ step }) => step.dz?.values[i].some(one => one !== 0)).length;
  const rows = Array.from({ length: n }, (_, i) => i);
  return rows.reduce((best, i) => (reached(i) > reached(best) ? i : best), 0);
}

/** Return the place in a layer that the formulas show: of row `i` the unit whose delta is largest there, and the input
 * whose weight gets the largest gradient. `line`, `unit` and `input` are the same, counted from 1. */
export function pick({ step }, i) {
  const j = largest(step.dz?.values[i]) ?? largest(step.a.values[i]) ?? 0;
  const gradient = step.parameters.weight?.gradient.values.map(line => line[j]);
  const k = largest(gradient) ?? largest(step.x.values[i]) ?? 0;
  return { i, j, k, line: i + 1, unit: j + 1, input: k + 1 };
}

/** Return the place of the largest size; null where there is none but zeros. */
export function largest(values) {
  if (!values) return null;
  const best = values.reduce((place, one, i) => (Math.abs(one) > Math.abs(values[place]) ? i : place), 0);
  return values[best] ? best : null;
}

/** Return the line of an activation: its formula for one value, with its number and what comes out. */
export function activated({ step, spec }, { i, j, line, unit }, schema) {
  const tree = parse(step.formula);
  const z = step.z.values[i];
  const constant = id => parameter(id, spec, schema.activations.find(one => one.name === step.activation));
  const symbols = typeset(tree, (id, index) => (id === "x" ? sub("z", line, index === "j" ? "j" : unit) : null));
  const width = step.z.shape[1];
  const known = (id, index, at) => (id === "x" ? value(at === null ? z[j] : z[at]) : constant(id));
  const one = [sub("a", line, unit), equals, symbols, equals, typeset(tree, known, width), equals, value(step.a.values[i][j])];
  return [row(name("a"), equals, name("f"), ["mo", "("], name("z"), ["mo", ")"], ["mo", ","], name("f"), equals, ["mtext", step.activation]), row(...one)];
}

function parameter(id, spec, about) {
  const found = spec.activation?.[id] ?? spec[id] ?? (about?.parameter === id ? about.default : null);
  return typeof found === "number" ? value(found) : null;
}

/** Return an array to be shown under a symbol; `mark` is the row and column that the formulas use, null for all. */
export function matrix(symbol, title, array, mark, more = {}) {
  return { symbol, title, array, mark, ...more };
}
