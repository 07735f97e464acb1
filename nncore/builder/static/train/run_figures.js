/* The numbers of the run, as the latest frame has them: rounded for the eye, all their digits in data attributes. */

import { brief, count, figure, steady } from "../core/format.js";
import { lower, scoreLabel, scoreName, scoreText } from "../core/score.js";
import { on, store } from "../core/store.js";
import { fill, h, setText } from "../ui/dom.js";
import { announceSeldom, unsay } from "../ui/notices.js";

/** Id, label, value in the frame, text of it. The first three are large; what is held out stands below it. In the middle
 * of a long epoch the core tells the mean loss of its batches so far, in that of one gone through by hand the last one's. */
const FIGURES = [
  ["epoch", () => "Epoch", frame => frame.epoch, count],
  ["loss", () => "Loss", frame => frame.loss, steady],
  ["score", () => scoreLabel(), frame => frame[scoreName()], scoreText],
  ["batch", frame => (many(frame) ? `Batch of ${count(frame.n_batches)}` : "Batch"), frame => frame.batch, batchText],
  ["val-loss", () => "Held-out loss", frame => frame.val_loss, steady],
  ["val-score", () => `Held-out ${lower(scoreLabel())}`, frame => frame[`val_${scoreName()}`], scoreText],
  ["batch-loss", frame => (isNumber(frame.running_loss) ? "Loss so far" : "Batch loss"), frame => frame.running_loss ?? frame.batch_loss, steady],
  ["learning-rate-now", () => "Learning rate", frame => frame.rate_now, value => figure(value, 3)],
  ["rate", () => "Samples/s", frame => frame.samples_per_second, brief],
];
const LARGE = 3;
const MANY = 1000; // batches: from here on, how many there are stands in the label

/** Put the part into `root`. */
export function mountRunFigures(root) {
  const cells = FIGURES.map(([id]) => ({ name: h("dt"), value: h("dd", { id, class: "figures" }) }));
  const list = (name, from, to) =>
    h("dl", { class: name }, cells.slice(from, to).map(cell => h("div", {}, cell.name, cell.value)));
  const part = h("span");
  const progress = h("div", { id: "epoch-progress", "aria-hidden": "true", title: "How much of the epoch is done" }, part);
  fill(root, list("numbers large", 0, LARGE), list("numbers", LARGE), progress);
  const show = () => {
    FIGURES.forEach((one, i) => showFigure(one, cells[i]));
    const { batch, n_batches: all } = store.frame;
    part.style.transform = `scaleX(${batch / all})`;
  };
  on("frame", show);
  on("frame", teller());
  show();
}

function showFigure([id, label, of, text], { name, value: element }) {
  const heading = label(store.frame);
  if (name.title !== heading) fill(name, heading).title = heading; // where a long one is cut off
  const value = of(store.frame) ?? null;
  setText(element, text(value, store.frame));
  element.setAttribute(`data-${id}`, String(value ?? "")); // a float64's shortest digits that read back as itself
}

function isNumber(value) {
  return typeof value === "number";
}

function many({ n_batches: all }) {
  return all >= MANY;
}

function batchText(batch, frame) {
  const now = batch ? count(batch) : "–";
  return many(frame) ? now : `${now} of ${count(frame.n_batches)}`;
}

function moment({ epoch, batch }) {
  return `${epoch} ${batch}`;
}

/** Return what says the numbers when they have changed since it was last asked to. */
function teller() {
  let told = moment(store.frame);
  return () => {
    if (moment(store.frame) !== told) tell(store.frame);
    told = moment(store.frame);
  };
}

/** Say the numbers while they change, and at the end of a training those that it has led to. */
function tell({ epoch, batch, n_batches: all, loss }) {
  if (batch) return announceSeldom(`epoch ${count(epoch + 1)}, batch ${count(batch)} of ${count(all)}`);
  if (loss === undefined) return unsay(); // the run begins anew
  announceSeldom(`epoch ${count(epoch)}, loss ${steady(loss)}, ${lower(scoreLabel())} ${scoreText(store.frame[scoreName()])}`);
}
