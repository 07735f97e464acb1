/* The loss of an explained batch: its formula with the numbers of the first row, and its targets as words. */

import { figure } from "../../core/format.js";
import { parse, typeset } from "./formulas/formula.js";
import { equals, fenced, fraction, name, row, sign, sub, sumOver, value } from "./formulas/mathml.js";

/** Return the targets of the first rows: as an array to be shown, and as words. */
export function targets(answer, state) {
  const classes = state.data.classes;
  const rows = answer.target.map(target => [target].flat());
  const words = rows.map(([first, ...others]) => (classes && !others.length ? classes[first] : [first, ...others].map(x => figure(x)).join(", ")));
  return { array: { shape: [answer.rows.length, rows[0].length], values: rows }, words };
}

/** Return the target of row `i` at output `j`: of a class, 1 at its place and 0 elsewhere. */
export function targetAt(answer, i, j) {
  const target = answer.target[i];
  if (Array.isArray(target)) return target[j];
  return answer.prediction.shape[1] === 1 ? target : Number(target === j);
}

/** Return the lines of the loss: of the batch, and of row `i`, with its numbers. */
export function lossLines({ answer, state, schema, n, i }) {
  const about = Object.values(schema.losses).find(loss => loss.name === answer.loss_name);
  const weight = state.training.class_weight ? sub("w", "i") : null;
  const batch = row(name("L"), equals, fraction(["mn", "1"], ["mn", String(n)]), sumOver("i", row(weight, sub("l", "i"))), equals, value(answer.loss));
  if (!about?.formula) return [batch];
  const tree = parse(about.formula);
  const numbers = withNumbers(tree, about, answer, state, i);
  return [batch, row(sub("l", i + 1), equals, typeset(tree, symbol(i + 1)), ...(numbers ? [equals, numbers] : []))];
}

/** Return what the letters in these lines stand for. */
export function lossNotes({ answer, state, schema }) {
  const about = Object.values(schema.losses).find(loss => loss.name === answer.loss_name);
  return [
    about?.formula?.includes("[target]") ? "t is the place of the target's class among the predictions ŷ." : "ŷ is the prediction, y the target.",
    ...(state.training.class_weight ? ["wᵢ is the weight of the class of row i."] : []),
  ];
}

function symbol(line) {
  return (id, index) => {
    const at = index === "target" ? "t" : index;
    if (id === "target") return sub("y", line, at);
    if (id === "prediction" || id === "p") return sub("ŷ", line, at);
    return id === "d" ? fenced(sub("ŷ", line, at), sign("−"), sub("y", line, at)) : id === "delta" ? name("δ") : null;
  };
}

function withNumbers(tree, about, answer, state, i) {
  const given = state.training.loss ?? {};
  if (given.from_logits || given.log_input) return null; // the prediction is raw, and what the formula speaks of is nowhere
  if (about.fields?.quantiles || about.fields?.epsilon) return null; // several outputs have one target
  const prediction = answer.prediction.values[i];
  if (answer.prediction.shape[1] > prediction.length) return null;
  const known = (id, index, at) => {
    if (id === "delta") return value(given.delta ?? about.fields.delta.default);
    const j = index === "target" ? answer.target[i] : at;
    if (id === "target") return value(targetAt(answer, i, j));
    if (id === "d") return fenced(value(prediction[j]), sign("−"), value(targetAt(answer, i, j), true));
    return id === "p" || id === "prediction" ? value(prediction[j]) : null;
  };
  return typeset(tree, known, prediction.length);
}
