/* The settings of the selected card: what one needs first, the rest behind "More settings". */

import { functionOf, isFunction } from "../core/activations.js";
import { capital, counted, words } from "../core/format.js";
import { choose, chosen, isGroup, layerAt, nameOf, whereOf } from "../core/paths.js";
import { on, store } from "../core/store.js";
import { fill, h, setText } from "../ui/dom.js";
import { focusedWithin } from "../ui/focus.js";
import { activationChoice, button, field, kindFields, number } from "../ui/forms.js";
import { duplicateChosen, moveChosen, removeChosen, updateLayer } from "./edits.js";
import { gradientInWords } from "./gradient_bars.js";
import { groupFields, innerButtons } from "./group_form.js";

// The core's: inner layers have a form or none, columns their own values.
const NO_FIELD = new Set(["layers", "branches", "columns", "mean", "variance"]);
const FEW = 2; // fields shown at first of a kind that needs none to be told

/** Put the settings into `root`; `toCard` moves the focus back to the card. */
export function mountLayerForm(root, toCard) {
  const form = new LayerForm(root, toCard);
  on("state", () => form.show());
  on("select", () => form.show());
  on("frame", () => form.showFacts());
  form.show();
  return form;
}

class LayerForm {
  constructor(root, toCard) {
    Object.assign(this, { root, toCard, shown: null, busy: 0, open: false }); // open: the rest of the settings
  }

  /** Move the focus to the first of the settings. */
  focus() {
    (this.root.querySelector(".fields :is(input, select)") ?? this.root.querySelector("button"))?.focus();
  }

  /** Show the settings of what is selected, unless they are there; what has the focus keeps it. */
  show() {
    if (this.busy) return;
    const path = chosen();
    const now = JSON.stringify([path, path && layerAt(path), store.state.names, store.state.layers.length]);
    if (now === this.shown) return this.showFacts();
    this.shown = now;
    this.open = this.root.querySelector("details")?.open ?? this.open;
    const place = this.focusPlace();
    fill(this.root, path ? this.form(path) : hint());
    this.showFacts();
    if (place) this.refocus(place);
  }

  // ---- the form

  form(path) {
    const layer = layerAt(path);
    const [first, rest] = parts(layer);
    const make = names => kindFields(store.schema.layers[layer.type], layer, whereOf(path), this.changed(path, layer), names);
    const more = h("details", { open: this.open }, h("summary", {}, "More settings"), h("div", { class: "fields" }, make(rest)));
    const about = { id: "layer-form", "aria-labelledby": "layer-form-title", "data-path": path.join(".") };
    return h("form", { ...about, onsubmit: event => event.preventDefault(), onkeydown: event => this.escaped(event) },
      head(path, layer),
      h("div", { class: "fields" }, this.functionField(path, layer), make(first), this.parameterField(path, layer)),
      isGroup(layer) ? groupFields(path) : null,
      rest.length ? more : null);
  }

  /** The field of an activation layer, whose name is that of its function. */
  functionField(path, layer) {
    if (!isFunction(layer.type)) return null;
    const where = `${whereOf(path)}.name`;
    const take = value => this.send(path, old => ({ type: old.type, name: value.name }), where);
    return field("Function", activationChoice(layer.name, take), { where, text: store.schema.layers[layer.type].fields.name.text });
  }

  /** The number that some activation functions have. */
  parameterField(path, layer) {
    const given = functionOf(layer);
    const about = store.schema.activations.find(row => row.name === given?.name);
    if (!about?.parameter) return null;
    const name = about.parameter;
    const where = isFunction(layer.type) ? `${whereOf(path)}.${name}` : `${whereOf(path)}.activation.${name}`;
    const set = old => value => (isFunction(old.type) ? { ...old, [name]: value } : { ...old, activation: { ...old.activation, [name]: value } });
    const take = value => this.send(path, old => set(old)(value), where);
    return field(capital(words(name)), number(given[name] ?? about.default, take), { where, text: about.formula });
  }

  /** Find out which field a new whole differs in, so that two changes in a row do not undo each other. */
  changed(path, before) {
    return next => {
      const names = new Set([...Object.keys(before), ...Object.keys(next)]);
      const name = [...names].find(one => JSON.stringify(before[one]) !== JSON.stringify(next[one]));
      if (!name) return;
      const change = ({ [name]: _, ...others }) => (name in next ? { ...others, [name]: next[name] } : others);
      this.send(path, change, `${whereOf(path)}.${name}`);
    };
  }

  async send(path, change, where) {
    this.busy += 1;
    const done = await updateLayer(path, change, where);
    this.busy -= 1;
    if (done) this.show();
  }

  showFacts() {
    const facts = this.root.querySelector(".facts");
    const path = chosen();
    if (!facts || !path) return;
    const size = path.length > 1 ? "" : counted(store.state.shapes[path[0]].n_parameters, "parameter");
    setText(facts, [size, gradientInWords(nameOf(path))].filter(Boolean).join(" · "));
  }

  // ---- focus

  escaped(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    if ("last" in event.target.dataset) event.target.value = event.target.dataset.last; // or leaving it would set it
    this.toCard();
    this.shown = null; // what was refused gives way to what is
    this.show();
  }

  /** Return which control of the form has the focus: the end of its path, or what its button does. */
  focusPlace() {
    const active = focusedWithin(this.root);
    if (!active) return null;
    if (active.matches("summary")) return "summary";
    const control = active.closest("[data-action], [data-inner], [data-where]");
    if (!control) return null;
    const { action, inner, where } = control.dataset;
    if (action) return `[data-action="${action}"]`;
    return inner ? `[data-inner="${inner}"]` : `[data-where$=".${where.split(".").at(-1)}"]`;
  }

  refocus(place) {
    const found = this.root.querySelector(place);
    const control = found?.matches("button, summary, select.alone, input") ? found : found?.querySelector("input, select");
    if (control && !control.disabled) return control.focus();
    (this.root.querySelector(".form-actions button:not(:disabled)") ?? this.root.querySelector("button"))?.focus();
  }
}

function hint() {
  const { layers, n_parameters } = store.state;
  const size = `${counted(layers.length, "layer")}, ${counted(n_parameters, "parameter")}.`;
  return h("p", { class: "no-card muted" }, `${size} Choose a card to change it; drag cards to other places, and new layers in from above.`);
}

/** What must be told comes first, and the activation; where nothing must be told, the first few fields. */
function parts(layer) {
  const { fields } = store.schema.layers[layer.type];
  const function_ = isFunction(layer.type);
  const own = Object.keys(fields).filter(name => !NO_FIELD.has(name) && !function_);
  const needed = own.filter(name => fields[name].required || name === "activation");
  const first = needed.length || isGroup(layer) ? needed : own.filter(name => name !== "name").slice(0, FEW);
  return [first, own.filter(name => !first.includes(name))];
}

// ---- its head

function head(path, layer) {
  const act = (name, label, iconName, work, options = {}) => {
    const made = button(label, iconName, work, { iconOnly: true, kind: "plain", ...options });
    made.dataset.action = name;
    return made;
  };
  const [position, n] = path.length > 1 ? [path.at(-1), layerAt(path.slice(0, -1)).layers.length] : [path[0], store.state.layers.length];
  const left = act("move-left", "Move left", "left", () => moveChosen(-1, false), { keys: "Alt+ArrowLeft" });
  const right = act("move-right", "Move right", "right", () => moveChosen(1, false), { keys: "Alt+ArrowRight" });
  left.disabled = position === 0;
  right.disabled = position === n - 1;
  return h("div", { class: "form-head" },
    path.length > 1 ? back(path) : null,
    h("h3", { id: "layer-form-title" }, layer.type, " ", h("span", { class: "card-name" }, nameOf(path))),
    h("span", { class: "facts muted small figures" }),
    h("div", { class: "form-actions" },
      path.length > 1 ? innerButtons() : null,
      left, right,
      act("duplicate", "Duplicate", "copy", () => duplicateChosen()),
      act("remove", "Remove", "remove", () => removeChosen(false), { kind: "plain danger", keys: "Delete" })));
}

/** The way from an inner layer back to its group. */
function back(path) {
  const group = path.slice(0, -1);
  return h("button", { type: "button", class: "plain small", "data-action": "to-group", onclick: () => choose(group) }, `${layerAt(group).type} ›`);
}
