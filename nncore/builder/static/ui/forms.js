/* Controls, and forms that are made of the schema: a field of the core gets the control that suits its default. */

import { functionNamed } from "../core/activations.js";
import { capital, words } from "../core/format.js";
import { store } from "../core/store.js";
import { clearMistakes, showMistakeAt } from "./actions.js";
import { h, unique } from "./dom.js";
import { icon } from "./icons.js";

const SHORT = 16; // letters that every box has room for

/** Return a labelled control. `where` is the path at which its mistakes are shown, `text` its explanation. */
export function field(label, control, { where = null, text = null, inline = false } = {}) {
  control.id ||= unique("control");
  const box = h("div", { class: inline ? "field inline" : "field", "data-where": where });
  box.append(h("label", { for: control.id, title: text }, label), control);
  return box;
}

/** Return a box to choose one of `options`: names, or [name, label] pairs. */
export function choice(options, value, onchange) {
  const pairs = options.map(option => (Array.isArray(option) ? option : [option, words(String(option))]));
  const changed = () => {
    box.title = fullName(box);
    onchange(box.value);
  };
  const box = h("select", { onchange: changed }, pairs.map(([name, label]) => h("option", { value: name }, label)));
  box.value = value;
  box.title = fullName(box);
  return box;
}

/** Return the text that is chosen, where it may be cut off; it is empty where it surely is not. */
function fullName(box) {
  const text = box.selectedOptions[0]?.textContent ?? "";
  return text.length > SHORT ? text : "";
}

/** Return a box for a number. An empty one is null where `optional`; what is beyond the limits given is not even sent, and
 * the server decides about all else. */
export function number(value, onchange, { optional = false, step = "any", min = null, max = null, placeholder = null } = {}) {
  const changed = () => {
    const given = box.value;
    const found = given === "" ? null : Number(given);
    const mistake = mistakeIn(box);
    clearMistakes(box.closest(".field") ?? box); // they were about another value
    if (given !== "") box.value = given;
    if (mistake) showMistakeAt(box, mistake);
    else if (found === null && !optional) box.value = box.dataset.last;
    else onchange(found);
  };
  const box = h("input", { type: "number", value: value ?? "", step, min, max, placeholder, inputmode: "decimal", onchange: changed });
  box.dataset.last = value ?? "";
  return box;
}

/** Return what is wrong with the number in a box, in a few words, or null. */
function mistakeIn({ validity, min, max, step }) {
  if (validity.badInput) return "Not a number.";
  if (validity.rangeUnderflow) return `At least ${min}.`;
  if (validity.rangeOverflow) return `At most ${max}.`;
  return validity.stepMismatch && step === "1" ? "A whole number, please." : null;
}

/** Return a switch. */
export function toggle(value, onchange) {
  return h("input", { type: "checkbox", checked: value, onchange: event => onchange(event.target.checked) });
}

/** Return a button. `kind` is "", "plain", "main" or "danger"; `label` is shown unless `iconOnly`. */
export function button(label, iconName, onclick, { kind = "", iconOnly = false, keys = null, title = null } = {}) {
  const shown = [iconName && icon(iconName), iconOnly ? null : h("span", {}, label)];
  const hint = title ?? (iconOnly || keys ? label + (keys ? ` (${keys})` : "") : null);
  return h("button", { type: "button", class: kind, onclick, "aria-label": iconOnly ? label : null, "aria-keyshortcuts": keys, title: hint }, shown);
}

/** Return switches of which one is on, as buttons side by side. */
export function segments(label, options, value, onchange) {
  const name = unique("segments");
  const one = ([key, text]) =>
    h("label", {}, h("input", { type: "radio", name, value: key, checked: key === value, onchange: () => onchange(key) }), h("span", { "data-text": text }, text));
  return h("div", { class: "segments", role: "radiogroup", "aria-label": label }, options.map(one));
}

/** Return the fields of a kind of layer or optimizer.
 *
 * @param kind its entry in the schema: {text, fields: {name: {required, default, text}}}
 * @param values the values now, as the core writes them
 * @param where the path of the whole: "layers[2]"
 * @param onchange called with the whole, changed
 * @param names the fields to show, in order; all by default
 */
export function kindFields(kind, values, where, onchange, names = Object.keys(kind.fields)) {
  const set = name => value => {
    const next = { ...values, [name]: value };
    if (value === null || value === undefined) delete next[name];
    onchange(next);
  };
  return names.map(name => kindField(name, kind.fields[name], values[name], `${where}.${name}`, set(name)));
}

function kindField(name, about, value, where, onchange) {
  const now = value ?? about.default ?? null;
  const options = { where, text: about.text };
  if (name === "activation") return field("Activation", activationChoice(now, onchange), options);
  if (name === "learning_rate") return field("Learning rate", rate(now, onchange), options);
  if (name.endsWith("initializer")) return [field(label(name), initializerChoice(name, now, onchange), options), initializerFields(now, where, onchange)];
  if (typeof about.default === "boolean") return field(label(name), toggle(now, onchange), { ...options, inline: true });
  if (name === "name") return field("Name", textBox(now, onchange), options);
  if (Array.isArray(now)) return field(label(name), textBox(now.join(", "), text => onchange(text ? text.split(",").map(Number) : null)), options);
  return field(label(name), number(now, onchange, { optional: !about.required && about.default === null, placeholder: "none" }), options);
}

function label(name) {
  return capital(words(name));
}

function textBox(value, onchange) {
  return h("input", { type: "text", value: value ?? "", maxlength: 80, onchange: event => onchange(event.target.value || null) });
}

/** Return a box to choose an activation function; parameters it has keep their defaults. */
export function activationChoice(value, onchange) {
  const now = typeof value === "string" ? value : (value?.name ?? "identity");
  const names = store.schema.activations.map(row => row.name);
  return choice(names, now, name => onchange(functionNamed(name)));
}

/** Return a box to choose how first values are drawn; one that has a scale begins with its default. */
function initializerChoice(field, value, onchange) {
  const { scaled, ...names } = store.schema.initializers;
  const [name] = Object.entries(scaled).find(([, about]) => about.type === value?.type) ?? [value];
  const chosen = wanted => (wanted in scaled ? withDefaults(scaled[wanted]) : wanted);
  return choice(names[field.startsWith("weight") ? "weight" : "bias"], name, wanted => onchange(chosen(wanted)));
}

function withDefaults({ type, fields }) {
  return { type, ...Object.fromEntries(Object.entries(fields).map(([name, about]) => [name, about.default])) };
}

/** Return the parameters of an initializer that has some; one that is but a name has none. */
function initializerFields(value, where, onchange) {
  const names = typeof value === "object" ? Object.keys(value).filter(name => name !== "type") : [];
  const set = name => given => onchange({ ...value, [name]: given });
  return names.map(name => field(label(name), number(value[name], set(name)), { where: `${where}.${name}` }));
}

/** Return a box for a learning rate; a schedule is shown as its name and is left as it is. */
function rate(value, onchange) {
  if (typeof value === "object" && value !== null) return h("output", {}, words(value.type));
  return number(value, onchange);
}
