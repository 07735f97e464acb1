/* How data are read: the options of generators, the columns of tables, the features. */

import { capital, count, counted, words } from "../core/format.js";
import { store } from "../core/store.js";
import { fill, h } from "../ui/dom.js";
import { button, choice, field, number } from "../ui/forms.js";
import { slider } from "../ui/slider.js";

const MOST_NOISE = 0.5; // of the slider; the box takes more
const MOST_SHOWN = 300; // columns or features in a list

/** Return the options of what is generated, each with the control that suits its default. */
export function generatorFields({ options: defaults }, data, change) {
  const values = { ...defaults, ...data.options };
  const names = Object.keys(defaults);
  return [...names.filter(name => name !== "noise"), ...names.filter(name => name === "noise")].map(name => {
    const set = value => change({ [name]: value });
    const where = `data.options.${name}`;
    if (name === "noise") return wide(slider("noise", "Noise", values.noise, { max: MOST_NOISE, step: 0.01 }, set, { where }));
    const box = number(values[name], set);
    box.id = `option-${name}`;
    return field(label(name), box, { where });
  });
}

function wide(element) {
  element.classList.add("wide");
  return element;
}

function label(name) {
  return capital(words(name.replace(/^n_/, "")));
}

// ---- tables

const TASKS = [["auto", "Auto"], ["classification", "Classes"], ["regression", "Number"]];
export const MISSING = [["impute", "Fill"], ["drop", "Drop row"], ["error", "Refuse"]];

/** Return what is to be predicted, as what, and what becomes of incomplete rows. Another target is no input, and was
 * perhaps ignored before; the features are others, and so may be the task. */
export function tableFields(data, change) {
  const { options, columns, target } = data;
  const all = [...columns, target, ...(options.ignore ?? [])];
  const aim = identified("target", choice([...new Set(all)].map(name => [name, name]), target, name => change({ target: name, features: null, task: null }, { [name]: "" })));
  const task = identified("option-task", choice(TASKS, options.task ?? "auto", value => change({ task: value })));
  const missing = identified("option-missing", choice(MISSING, options.missing ?? "impute", value => change({ missing: value })));
  return h(
    "div",
    { class: "pairs", "data-where": data.name === "csv" ? "data.csv" : "data.options" },
    wide(field("Target: the column to predict", aim, { where: "data.options.target" })),
    field("Task", task, { where: "data.options.task" }),
    field("Missing values", missing, { where: "data.options.missing" })
  );
}

const READINGS = [["", "auto"], ["categorical", "category"], ["ignore", "ignore"]];

/** Return a list of the columns, each with how it is read. */
export function columnFields({ options, columns, target }, change) {
  const ignored = (options.ignore ?? []).filter(name => name !== target);
  const all = [...columns, ...ignored.filter(name => !columns.includes(name))];
  const now = name => ["ignore", "categorical"].find(key => options[key]?.includes(name)) ?? "";
  const read = (name, reading) => change({ features: null }, { [name]: reading });
  return h("div", { class: "list", "data-where": "data.options.ignore" }, readings("column", all, now, read));
}

/** Return a row for each column: its name, and how it is read. `read` is called with both when that is changed. */
export function readings(stem, names, now, read) {
  const box = (name, i) => identified(`${stem}-${i}`, choice(READINGS, now(name), value => read(name, value)));
  return [...names.slice(0, MOST_SHOWN).map((name, i) => h("div", { class: "reading", title: name }, field(name, box(name, i)))), more(names.length)];
}

function more(n) {
  return n > MOST_SHOWN && h("p", { class: "muted small" }, `The first ${count(MOST_SHOWN)} of ${count(n)} are listed.`);
}

/** Give a control its identifier, and return it. */
export function identified(id, control) {
  control.id = id;
  return control;
}

// ---- features

const STANDARDIZE = [["auto", "Auto"], ["true", "Yes"], ["false", "No"]];

/** Return the folded parts about features, as [id, label, content]. */
export function featureFields(data, change) {
  const value = String(data.options.standardize ?? "auto");
  const set = chosen => change({ standardize: chosen === "auto" ? null : chosen === "true" });
  const scaling = field(`Standardise to mean 0, deviation 1 (now: ${data.standardized ? "yes" : "no"})`, identified("option-standardize", choice(STANDARDIZE, value, set)), {
    where: "data.options.standardize",
    text: "Mean and standard deviation of the rows to train on, for each feature",
  });
  const all = data.all_features;
  const label = data.n_features < all.length ? `Features (${data.n_features} of ${all.length})` : "Features";
  return [["features", label, h("div", { class: "stack" }, scaling, all.length > 1 && !data.image && checks(data, change))]];
}

function checks(data, change) {
  const all = data.all_features.slice(0, MOST_SHOWN);
  const now = new Set(data.features);
  const boxes = all.map(name => h("input", { type: "checkbox", value: name, checked: now.has(name), onchange: say }));
  const use = button("", null, () => change({ features: picked().length === data.all_features.length ? null : picked() }), { kind: "small main" });
  const every = button("All", null, () => change({ features: null }), { kind: "small" });
  use.id = "features-use";
  every.id = "features-all";
  every.disabled = !data.options.features;
  function picked() {
    return boxes.filter(box => box.checked).map(box => box.value);
  }
  function say() {
    const names = picked();
    fill(use, names.length ? `Use ${counted(names.length, "feature")}` : "Choose some");
    use.disabled = !names.length || String(names) === String(store.state.data.features);
  }
  say();
  const row = box => h("label", { class: "check" }, box, h("span", {}, box.value));
  return h(
    "div",
    { class: "stack", "data-where": "data.options.features" },
    h("div", { class: "list", role: "group", "aria-label": "Features to read" }, boxes.map(row), more(data.all_features.length)),
    h("div", { class: "buttons" }, use, every)
  );
}
