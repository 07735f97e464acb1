/* From the answer of `explain` to the beats of its slow motion: pure, and all numbers are those of the answer.
 *
 * A beat: {part, key, kind, layer, row, title, said, lines, notes, matrices, norm}. `kind`, `layer` and `row` say what the
 * drawing shows; `lines` are formulas (see mathml.js), `matrices` are {symbol, title, array, mark, rows, columns}.
 */

import { counted, figure } from "../../core/format.js";
import { pickRow } from "./formulas/example.js";
import { equals, row, sign, sub, value } from "./formulas/mathml.js";
import { chain } from "./chain.js";
import { lossLines, lossNotes, targets } from "./loss_lines.js";
import { backward, forward } from "./passes.js";
import { update } from "./update.js";

/** The six parts, in order, and what is said of each. */
export const PARTS = ["Batch in", "Forward", "Loss", "Backward", "Update", "New loss"];

const MOST_FEATURES = 8; // that are written out in a formula

/** Return the beats of an answer; `state` is the state that it was asked in. */
export function beatsOf(answer, state, schema) {
  const nodes = chain(answer, state);
  const i = pickRow(nodes, answer.target.length);
  const context = { answer, state, schema, n: answer.rows.length, i };
  const learning = nodes.filter(node => Object.keys(node.step.parameters).length);
  const beats = [
    input(context, nodes),
    ...nodes.map(node => layered(1, "forward", node, forward(node, context))),
    loss(context),
    ...nodes.toReversed().map(node => layered(3, "backward", node, backward(node, context))),
    ...learning.map(node => layered(4, "update", node, update(node, context))),
    after(context, nodes),
  ];
  return beats.map(beat => ({ ...beat, row: i }));
}

function layered(part, kind, { name, step }, found) {
  const norm = kind === "backward" ? (step.parameters.weight ?? step.parameters.gamma)?.gradient.norm : undefined;
  return { part, kind, layer: name, key: `${kind}:${name}`, title: `${PARTS[part]}: ${name}`, notes: [], norm, ...found };
}

function input({ answer, state, n, i }, nodes) {
  const x = nodes[0].step.x;
  const features = state.data.features.slice(0, 16);
  const shown = x.values[i].slice(0, MOST_FEATURES).map(number => value(number));
  const cut = x.shape[1] > shown.length ? [sign("⋯")] : [];
  const list = [...shown, ...cut].flatMap((part, i) => (i ? [sign(","), part] : [part]));
  const target = targets(answer, state);
  return {
    part: 0, kind: "input", layer: null, key: "input", title: PARTS[0],
    said: `${counted(n, "row")} with ${counted(x.shape[1], "feature")} each come in together. Row ${i + 1} of them is row ${answer.rows[i]} of the data; its target is ${target.words[i]}.`,
    lines: [row(sub("x", i + 1), equals, sign("("), ...list, sign(")"))],
    notes: state.data.standardized ? ["Features are standardised: mean 0, variance 1 over the rows to train on."] : [],
    matrices: [
      { symbol: "x", title: "inputs", array: x, mark: [i, null], rows: answer.rows, columns: features },
      { symbol: "y", title: "targets", array: target.array, mark: [i, null], rows: answer.rows, labels: target.words },
    ],
  };
}

function loss(context) {
  const { answer, state, n, i } = context;
  const target = targets(answer, state);
  return {
    part: 2, kind: "loss", layer: null, key: "loss", title: `${PARTS[2]}: ${answer.loss_name.replaceAll("_", " ")}`,
    said: `The loss of ${counted(n, "row")} is ${figure(answer.loss)}. For row ${i + 1} the network says ${answer.prediction.values[i].map(number => figure(number)).join(", ")}; the target is ${target.words[i]}.`,
    lines: lossLines(context),
    notes: lossNotes(context),
    matrices: [
      { symbol: "ŷ", title: "predictions", array: answer.prediction, mark: [i, null], columns: classNames(answer, state), rows: answer.rows },
      { symbol: "y", title: "targets", array: target.array, mark: [i, null], rows: answer.rows, labels: target.words },
    ],
  };
}

const RISEN = "One step may raise the loss of its own batch: the rate is high for it, the optimizer still carries earlier gradients, or a penalty pulls at the weights.";

function classNames(answer, state) {
  const names = state.data.classes;
  return names && answer.prediction.shape[1] === names.length ? names : null;
}

function after({ answer, n }, nodes) {
  const { loss: old, loss_after: now } = answer;
  const dropped = nodes.some(({ step }) => step.kind === "Dropout");
  const same = `of the same ${counted(n, "row")}`;
  const said =
    now === null
      ? `After the step the loss ${same} is no longer a finite number.`
      : `After the step the loss ${same} is ${figure(now)}; it was ${figure(old)}. It has ${now < old ? "fallen" : "risen"} by ${figure(Math.abs(now - old))}.`;
  return {
    part: 5, kind: "loss", layer: null, key: "new_loss", title: PARTS[5], said,
    lines: [
      row(sub("L", "before"), equals, value(old)),
      ...(now === null ? [] : [row(sub("L", "after"), equals, value(now))]),
    ],
    notes: [...(dropped ? ["Dropout drops the same values both times, so that it is the step alone that makes the difference."] : []), ...(now !== null && now >= old ? [RISEN] : [])],
    matrices: [],
    bars: now === null ? null : [["before the step", old], ["after the step", now]],
  };
}
