/* The numbers of the run, as the latest frame has them: rounded for the eye, all their digits in data attributes. */

import { fill, h, setText } from "./dom.js";
import { brief, count, figure, percent, words } from "./format.js";
import { announceSeldom } from "./notices.js";
import { on, scoreName, store } from "./store.js";

/** Id, label, value in the frame, text of it. The first three are large; what is held out stands below it. */
const NUMBERS = [
  ["epoch", () => "Epoch", frame => frame.epoch, count],
  ["loss", () => "Loss", frame => frame.loss, steady],
  ["score", () => scoreLabel(), frame => frame[scoreName()], scoreText],
  ["batch", () => "Batch", frame => frame.batch, (batch, frame) => `${batch || "–"} of ${count(frame.n_batches)}`],
  ["val-loss", () => "Held-out loss", frame => frame.val_loss, steady],
  ["val-score", () => `Held-out ${lower(scoreLabel())}`, frame => frame[`val_${scoreName()}`], scoreText],
  ["batch-loss", () => "Batch loss", frame => frame.batch_loss, steady],
  ["learning-rate-now", () => "Learning rate", frame => frame.learning_rate, value => figure(value, 3)],
  ["rate", () => "Samples/s", frame => frame.samples_per_second, brief],
];
const LARGE = 3;

/** Put the part into `root`. */
export function mountNumbers(root) {
  const cells = NUMBERS.map(([id]) => ({ name: h("dt"), value: h("dd", { id, class: "figures" }) }));
  const list = (name, from, to) =>
    h("dl", { class: name }, cells.slice(from, to).map(cell => h("div", {}, cell.name, cell.value)));
  fill(root, list("numbers large", 0, LARGE), list("numbers", LARGE));
  const label = () => NUMBERS.forEach(([, name], i) => {
    setText(cells[i].name, name());
    cells[i].name.title = name(); // where a long one is cut off
  });
  const show = () => NUMBERS.forEach((number, i) => showNumber(number, cells[i].value));
  on("state", label);
  on("frame", show);
  on("frame", tell);
  label();
  show();
}

function showNumber([id, , of, text], element) {
  const value = of(store.frame) ?? null;
  setText(element, text(value, store.frame));
  element.setAttribute(`data-${id}`, String(value ?? "")); // a float64's shortest digits that read back as itself
}

function tell() {
  const { epoch, loss } = store.frame;
  if (!store.state.run.playing || loss === undefined) return;
  announceSeldom(`epoch ${count(epoch)}, loss ${steady(loss)}, ${lower(scoreLabel())} ${scoreText(store.frame[scoreName()])}`);
}

/** Return a number with three digits or more in about seven characters, so that it does not jump while it changes. */
export function steady(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return inSize(value, size).replace("e+", "e").replaceAll("-", "−");
}

function inSize(value, size) {
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(size < 1e-9 ? 1 : 2);
  if (size >= 1) return value.toPrecision(5);
  return value.toFixed(size !== 0 && size < 0.01 ? 5 : 4);
}

/** Return the score's name of the core as a heading. */
export function scoreLabel() {
  const text = words(scoreName());
  return text[0].toUpperCase() + text.slice(1);
}

/** Tell whether the score is a share, which reads best as per cent. */
export function isShare(name = scoreName()) {
  return /^acc$|accuracy$/.test(name);
}

/** Return how a chart writes a value of a column that one points at. */
export function hoverFormat(name) {
  return isShare(name) ? ".1%" : ".4g";
}

/** Return a score as text. */
function scoreText(value) {
  return isShare() ? percent(value) : steady(value);
}

function lower(label) {
  return /\d/.test(label) ? label : label.toLowerCase();
}
