/* The Train pane: what starts and steps the run, its numbers now, its curves, how it learns, and runs to compare. */

import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { isBusy, whileBusy } from "../ui/busy.js";
import { fill, h, setText } from "../ui/dom.js";
import { button } from "../ui/forms.js";
import { icon } from "../ui/icons.js";
import { keepInSight } from "../ui/notices.js";
import { mountCurves, mountLoss } from "./curves.js";
import { mountOptimizer } from "./optimizer.js";
import { pace } from "./pace.js";
import { mountRunFigures } from "./run_figures.js";
import { mountRuns } from "./runs.js";

/** Id, label, name, drawing, key, message, and whether it waits until the run pauses. The drawings are the buttons' names. */
const STEPS = [
  ["step-batch", "Batch", "Step one batch", "batch", "B", "step_batch", true],
  ["step-epoch", "Epoch", "Step one epoch", "epoch", "E", "step_epoch", true],
  ["reset", "Reset", "Reset: the same first weights", "reset", "R", "reset", false],
  ["new-seed", "New seed", "New seed: other first weights", "seed", "N", "new_seed", false],
];

/** Put the part into `root`; return its buttons that have keys: {train, batch, epoch, reset, seed, log}. */
export function mountTrain(root) {
  const status = h("span", { class: "chip", id: "run-status" });
  const parts = [
    [mountRunFigures, "Numbers of the run"],
    [mountLoss, "Loss over time"],
    [mountOptimizer, "How it learns"],
    [mountCurves, "More curves"],
    [mountRuns, "Runs to compare"],
  ].map(([mount, label]) => [mount, h("div", { class: "part", role: "group", "aria-label": label })]);
  const { element, buttons } = controls(root);
  fill(root, h("header", {}, h("h2", { id: "train-title" }, "Train"), status), element, parts.map(([, part]) => part));
  const made = Object.assign({}, ...parts.map(([mount, part]) => mount(part)));
  const show = () => setText(status, statusText(store.state.run));
  on("state", show);
  show();
  return { ...buttons, ...made };
}

function statusText({ playing, epoch, batch }) {
  if (playing) return "training";
  if (batch) return `in the middle of epoch ${epoch + 1}`;
  return epoch ? "paused" : "not trained yet";
}

function controls(root) {
  const { fields, start } = pace(root);
  const train = trainButton(root, start);
  const steps = STEPS.map(step => stepButton(root, step));
  const show = () => STEPS.forEach(([, , , , , , waits], i) => (steps[i].disabled = waits && store.state.run.playing));
  on("state", show);
  show();
  const element = h("div", { class: "part controls", role: "group", "aria-label": "Train and step" }, train, h("div", { class: "steps" }, steps), fields);
  return { element, buttons: { train, ...Object.fromEntries(STEPS.map(([, , , name], i) => [name, steps[i]])) } };
}

/** Return the button that starts and pauses. From the click to the state that it leads to, it says what was asked. */
function trainButton(root, start) {
  const train = h("button", { type: "button", id: "train-button", class: "main", "aria-keyshortcuts": "T" });
  const show = () => isBusy(train) || showTrain(train, store.state.run.playing);
  const toggle = async () => {
    if (isBusy(train)) return;
    const { playing } = store.state.run;
    showTrain(train, playing, playing ? "Pausing …" : "Starting …");
    await whileBusy(train, () => (playing ? act("pause", {}, { root }) : start()));
    show();
  };
  keepInSight(train);
  train.addEventListener("click", toggle);
  on("state", show);
  show();
  return train;
}

const TRAIN = { text: "Train", drawing: "play", title: "Train (T)" };
const PAUSE = { text: "Pause", drawing: "pause", title: "Pause (T)" };

function showTrain(train, playing, waiting = null) {
  const { text, drawing, title } = playing ? PAUSE : TRAIN;
  const shown = waiting ?? text;
  if (train.textContent === shown) return;
  train.dataset.playing = playing;
  train.title = title;
  fill(train, icon(drawing), h("span", {}, shown));
}

function stepButton(root, [id, label, name, drawing, key, type]) {
  const work = () => isBusy(made) || whileBusy(made, () => act(type, {}, { root }));
  const made = button(label, drawing, work, { keys: key, title: `${name} (${key})` });
  made.id = id;
  made.setAttribute("aria-label", name);
  return made;
}
