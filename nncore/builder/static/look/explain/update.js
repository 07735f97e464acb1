/* How the parameters of a layer move in a step: old, gradient, change and new.
 *
 * Rows, units and inputs are counted from 1 in formulas. Sums are written out as far as the answer holds their terms.
 */

import { figure } from "../../core/format.js";
import { matrix, pick } from "./formulas/example.js";
import { equals, joined, name, row, sign, sub, value } from "./formulas/mathml.js";

/** Return lines, matrices and words of an update. */
export function update(node, { answer, state, i }) {
  const plain = isPlain(state.optimizer, node.spec);
  const at = pick(node, i);
  const parts = Object.entries(node.step.parameters).map(([of, moved]) => moving(of, moved, at, answer.learning_rate, plain));
  const { type } = state.optimizer;
  return {
    said: parts.map(part => part.said).join(" "),
    lines: parts.map(part => part.line),
    notes: plain ? [] : [`${type} makes the step Δ out of this gradient and what it keeps of earlier ones; penalties and clipping come before it, where they are on. Learning rate ${figure(answer.learning_rate)}.`],
    matrices: parts.flatMap(part => part.matrices),
  };
}

const SYMBOLS = { weight: "w", bias: "b", gamma: "γ", beta: "β" };

/** Tell whether an update is new = old - rate x gradient and nothing else. */
function isPlain(optimizer, spec) {
  const others = [optimizer.momentum, optimizer.clip_norm, optimizer.clip_value, spec.l1, spec.l2, spec.weight_decay, spec.max_norm];
  return optimizer.type === "SGD" && others.every(value => !value);
}

function moving(of, { before, gradient, after }, { j, k: input }, rate, plain) {
  const flat = before.shape.length === 1;
  const k = flat ? 0 : input;
  const at = array => (flat ? array.values[j] : array.values[k][j]);
  const indices = flat ? [j + 1] : [k + 1, j + 1];
  const symbol = SYMBOLS[of] ?? of;
  const change = at(after) - at(before);
  const step = plain
    ? [sub(symbol, ...indices), sign("−"), name("η"), sub(`d${symbol}`, ...indices), equals, value(at(before)), sign("−"), value(rate), sign("·"), value(at(gradient), true)]
    : [sub(symbol, ...indices), sign("+"), row(name("Δ"), sub(symbol, ...indices)), equals, value(at(before)), sign("+"), value(change, true)];
  const changes = { shape: before.shape, values: difference(after.values, before.values) };
  return {
    said: `${of} ${indices.join(", ")}: ${figure(at(before))} becomes ${figure(at(after))}; its gradient is ${figure(at(gradient))}.`,
    line: row(["msubsup", name(symbol), row(...joined(indices.map(one => ["mn", String(one)]), sign(","))), ["mtext", "new"]], equals, ...step, equals, value(at(after))),
    matrices: [
      matrix(of === "weight" ? "dW" : `d${symbol}`, "gradient", gradient, [k, j]),
      matrix(of === "weight" ? "ΔW" : `Δ${symbol}`, "change: new − old", changes, [k, j]),
      matrix(of === "weight" ? "W new" : `${symbol} new`, `${of} after the step`, after, [k, j]),
    ],
  };
}

function difference(after, before) {
  return after.map((one, i) => (Array.isArray(one) ? difference(one, before[i]) : one - before[i]));
}
