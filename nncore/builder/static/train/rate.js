/* The learning rate: a number with a slider, which acts while it is moved, or a schedule. */

import { capital, figure, spaced, words } from "../core/format.js";
import { on, store } from "../core/store.js";
import { fill, h } from "../ui/dom.js";
import { keepingFocus } from "../ui/focus.js";
import { choice, field, kindFields, number } from "../ui/forms.js";
import { latestWins } from "./latest_wins.js";
import { changeOptimizer, differences } from "./optimizer_edits.js";

const LOWEST = -5; // of the slider, powers of ten
const HIGHEST = 1;
const STEP = 0.05;
const PATH = "optimizer.learning_rate";

/** Put the part into `root`. */
export function mountRate(root) {
  const slider = rateSlider();
  let shown = "";
  const draw = (rate, scheduled) => {
    if (scheduled) fill(root, rateKind(rate), h("div", { class: "fields" }, scheduleFields(rate)));
    else fill(root, h("div", { class: "pair" }, slider.field, rateKind(rate)), slider.slide);
  };
  const show = () => {
    const { learning_rate: rate } = store.state.optimizer;
    const scheduled = typeof rate === "object";
    const now = scheduled ? JSON.stringify(rate) : "constant";
    if (now !== shown) keepingFocus(root, () => draw(rate, scheduled));
    if (!scheduled) slider.show(rate);
    shown = now;
  };
  on("state", show);
  show();
}

function rateKind(rate) {
  const schedules = Object.keys(store.schema.schedules).map(name => [name, spaced(name)]);
  const box = choice([["", "none: constant"], ...schedules], rate.type ?? "", changeSchedule);
  box.id = "learning-rate-kind";
  return field("Schedule of the rate", box, { where: typeof rate === "object" ? PATH : null, text: store.schema.schedules[rate.type]?.text ?? null });
}

// ---- a constant rate

function rateSlider() {
  const latest = latestWins(value => changeOptimizer({ learning_rate: value }, PATH), settled);
  const box = number(null, value => latest.send(value));
  const slider = h("input", { type: "range", id: "learning-rate-slider", min: LOWEST, max: HIGHEST, step: STEP, "aria-label": "Learning rate, logarithmic" });
  box.id = "learning-rate";
  slider.addEventListener("input", () => {
    const value = Number((10 ** Number(slider.value)).toPrecision(2));
    put(box, slider, value, false);
    latest.send(value);
  });
  const scale = h("div", { class: "scale muted small", "aria-hidden": "true" }, h("span", {}, "0.00001"), h("span", {}, "0.01"), h("span", {}, "10"));
  const text = "How far one step goes. It acts at once; nothing that was learnt is lost.";
  function settled(result) {
    const { learning_rate: rate } = store.state.optimizer; // what was refused stays in the box, beside the reason
    if (result !== null && typeof rate === "number") put(box, slider, rate, true);
  }
  return { field: field("Learning rate", box, { where: PATH, text }), slide: h("div", { class: "slide" }, slider, scale), show: value => latest.busy() || put(box, slider, value, true) };
}

function put(box, slider, value, moveSlider) {
  if (Number(box.value) !== value || box.value === "") box.value = String(value);
  box.dataset.last = String(value);
  slider.setAttribute("aria-valuetext", figure(value, 3));
  if (moveSlider) slider.value = String(value > 0 ? Math.log10(value) : LOWEST);
}

// ---- a schedule

/** Take a schedule, or a constant rate again; what has to be given begins with the rate of now. */
function changeSchedule(type) {
  const before = store.state.optimizer.learning_rate;
  const rate = typeof before === "number" ? before : (store.frame.learning_rate ?? Object.values(before).find(value => typeof value === "number"));
  if (!type) return changeOptimizer({ learning_rate: rate }, PATH);
  const required = Object.entries(store.schema.schedules[type].fields).filter(([, { required }]) => required);
  const values = required.map(([name]) => [name, beginning(name, rate)]);
  return changeOptimizer({ learning_rate: { type, ...Object.fromEntries(values) } }, PATH);
}

/** Return what a required field of a schedule begins with: rates as now, times in epochs after now. */
function beginning(name, rate) {
  const soon = store.state.run.epoch + 50;
  const lists = { rates: [rate, Number((rate / 10).toPrecision(3))], boundaries: [soon] };
  return lists[name] ?? (name.endsWith("rate") ? rate : 2 * soon);
}

function scheduleFields(rate) {
  const kind = store.schema.schedules[rate.type];
  const names = Object.keys(kind.fields);
  const changed = name => next => changeOptimizer({ learning_rate: differences(rate, next) }, `${PATH}.${name}`);
  return names.map(name =>
    Array.isArray(rate[name]) ? listField(name, kind.fields[name], rate, changed(name)) : kindFields(kind, rate, PATH, changed(name), [name])
  );
}

/** Return a box for several numbers. */
function listField(name, about, rate, changed) {
  const box = h("input", { type: "text", value: rate[name].join(", "), onchange: () => changed({ ...rate, [name]: numbersIn(box.value) }) });
  return field(capital(words(name)), box, { where: `${PATH}.${name}`, text: about.text });
}

/** Return the numbers of a text; what is none stays as it is written, for the server to say so. */
function numbersIn(text) {
  return text.split(/[,;\s]+/).filter(Boolean).map(part => (Number.isNaN(Number(part)) ? part : Number(part)));
}
