/* How the network learns: optimizer, learning rate or its schedule, batches, clipping, loss, seed, arithmetic.
 * All of it is made of the schema; what changes here goes on with what has been learnt, unless its hint says otherwise. */

import { spaced, words } from "../core/format.js";
import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { fill, h } from "../ui/dom.js";
import { keepingFocus } from "../ui/focus.js";
import { choice, field, kindFields, number, toggle } from "../ui/forms.js";
import { changeOptimizer, differences } from "./optimizer_edits.js";
import { mountRate } from "./rate.js";

const CLIPPING = "clip_"; // what fields that bound the gradient begin with

/** Put the part into `root`. */
export function mountOptimizer(root) {
  const first = h("div", { class: "pair" });
  const rate = h("div", { class: "rate" });
  const clipping = h("div", { class: "pair" });
  const others = h("div", { class: "fields" });
  const training = h("div");
  const more = h("details", { id: "optimizer-more" }, h("summary", {}, "Clipping, and more of the optimizer"), clipping, others);
  const how = h("details", { id: "training-more" }, h("summary", {}, "Loss, seed, arithmetic, balance of classes"), training);
  fill(root, h("h3", {}, "How it learns"), first, rate, more, how);
  mountRate(rate);
  const draw = () => {
    fill(first, kindField(), batchField());
    fill(clipping, clippingFields());
    fill(others, otherFields());
    fill(training, h("div", { class: "fields" }, lossFields(), seedField(), dtypeField(), store.state.data.classes && balanceField()));
  };
  redraw(root, draw);
}

/** Draw the forms when what they show has changed. */
function redraw(root, draw) {
  let shown = "";
  const show = () => {
    const { optimizer, training, data } = store.state;
    const now = JSON.stringify([{ ...optimizer, learning_rate: null }, training, data.classes === null]);
    if (now === shown) return;
    shown = now;
    keepingFocus(root, draw);
  };
  on("state", show);
  show();
}

// ---- the optimizer

function kind() {
  return store.schema.optimizers[store.state.optimizer.type];
}

function kindField() {
  const box = choice(Object.keys(store.schema.optimizers), store.state.optimizer.type, type => changeOptimizer({ type }, "optimizer"));
  box.id = "optimizer-kind";
  return field("Optimizer", box, { where: "optimizer", text: kind().text });
}

function clippingNames() {
  return Object.keys(kind().fields).filter(name => name.startsWith(CLIPPING));
}

function clippingFields() {
  const { optimizer } = store.state;
  const names = clippingNames();
  const now = names.find(name => name in optimizer) ?? "";
  const none = Object.fromEntries(names.map(name => [name, null]));
  const options = [["", "none"], ...names.map(name => [name, `by ${name.slice(CLIPPING.length)}`])];
  const kindBox = choice(options, now, name => changeOptimizer(name ? { ...none, [name]: 1 } : none));
  kindBox.id = "clipping-kind";
  const chosen = field("Clip the gradient", kindBox, { text: "Bounds what one batch can do." });
  if (!now) return [chosen];
  const box = number(optimizer[now], value => changeOptimizer({ [now]: value }));
  box.id = "clipping";
  return [chosen, field("at", box, { where: `optimizer.${now}` })];
}

function otherFields() {
  const { optimizer } = store.state;
  const own = Object.keys(kind().fields).filter(name => name !== "learning_rate" && !name.startsWith(CLIPPING));
  const changed = next => changeOptimizer(differences(optimizer, next));
  return kindFields(kind(), optimizer, "optimizer", changed, own);
}

// ---- how to train

function setTraining(name, value) {
  return act("set_training", { [name]: value }, { where: `training.${name}` });
}

function trainingField(label, name, control, text, others = {}) {
  control.id = `training-${name.replaceAll("_", "-")}`;
  return field(label, control, { where: `training.${name}`, text, ...others });
}

function trainingNumber(label, name, text, limits) {
  return trainingField(label, name, number(store.state.training[name], value => setTraining(name, value), limits), text);
}

function batchField() {
  const box = number(store.state.training.batch_size, value => setTraining("batch_size", value), { min: 1, step: 1 });
  box.id = "batch-size";
  return field("Batch size", box, { where: "training.batch_size", text: "Rows that one step reads." });
}

function lossFields() {
  const { loss, loss_name: used } = store.state.training;
  const kinds = Object.keys(store.schema.losses).map(name => [name, spaced(name)]);
  const options = [["", loss ? "automatic" : `automatic: ${words(used)}`], ...kinds];
  const box = choice(options, loss?.type ?? "", type => setTraining("loss", type ? { type } : null));
  const about = loss && store.schema.losses[loss.type];
  const own = about ? kindFields(about, loss, "training.loss", next => setTraining("loss", differences(loss, next))) : [];
  return [wide(trainingField("Loss", "loss", box, about?.text)), own];
}

function balanceField() {
  const { class_weight: weighted } = store.state.training;
  const balance = toggle(weighted === "balanced", on => setTraining("class_weight", on ? "balanced" : null));
  const text = "Rows of a rare class count for more, so that all classes weigh the same.";
  return trainingField("Balance classes", "class_weight", balance, text, { inline: true });
}

function seedField() {
  const text = "Of first weights, order of rows, dropout. The run begins anew.";
  return trainingNumber("Seed", "seed", text, { min: 0, step: 1 });
}

function dtypeField() {
  const names = store.schema.dtypes.map(name => [name, name]);
  const box = choice(names, store.state.training.dtype, name => setTraining("dtype", name));
  return trainingField("Arithmetic", "dtype", box, "What the network computes in. The run begins anew.");
}

function wide(element) {
  element.classList.add("wide");
  return element;
}
