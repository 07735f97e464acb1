/* The data: which, how they are read, how many rows are held out, and what they look like. */

import { count, counted, percent, words } from "../core/format.js";
import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { fill, h, setText } from "../ui/dom.js";
import { keepingFocus } from "../ui/focus.js";
import { button, field, number } from "../ui/forms.js";
import { slider } from "../ui/slider.js";
import { columnFields, featureFields, generatorFields, tableFields } from "./choices.js";
import { OwnTable } from "./csv.js";
import { mountPreview } from "./preview.js";

const OWN = "csv"; // the core's name of a table that the page sent
const chosen = new Map(); // options by data set, so that one comes back as it was left
const opened = new Set(); // the parts that are unfolded

/** Put the part into `root`. */
export function mountData(root) {
  const table = new OwnTable(root, () => controls.querySelector("#target")?.focus());
  const own = button("Own CSV", "plus", () => table.open(), { kind: "small", title: "Read a table of your own: a file, or pasted text" });
  own.id = "csv-open";
  const controls = h("div", { class: "data-controls" });
  const preview = h("div", { class: "data-preview" });
  fill(root, h("header", {}, h("h2", { id: "data-title" }, "Data"), own), controls, preview);
  let shown = "";
  const show = () => {
    const { data, training } = store.state;
    const now = JSON.stringify([data, training.validation_split, training.split_seed]);
    if (now === shown) return;
    shown = now;
    chosen.set(data.name, data.options);
    keepingFocus(controls, () => fill(controls, ...parts(table)));
  };
  on("state", show);
  show();
  mountPreview(preview);
}

/** Choose some options otherwise, of those that the server has by then; null takes one back to what suits the data.
 * `readings` says of columns how they are read: "categorical", "ignore", or "" for what suits them. */
function change(changes, readings = {}) {
  return act("change_data", { name: store.state.data.name, changes, readings });
}

function parts(table) {
  const { data } = store.state;
  const generated = store.schema.data.generated.find(({ name }) => name === data.name);
  return [
    field("Data set", chooser(data, table), { where: "data.name" }),
    about(data),
    generated && h("div", { class: "pairs" }, generatorFields(generated, data, change)),
    isTable(data) && tableFields(data, change),
    heldOut(),
    isTable(data) && folded("columns", "Columns", columnFields(data, change)),
    featureFields(data, change).map(([id, label, content]) => folded(id, label, content)),
  ];
}

/** Tell whether the data are a table of the user's, whose columns can be read in one way or another. */
function isTable({ name, columns }) {
  const { bundled, generated } = store.schema.data;
  return Boolean(columns) && ![...bundled, ...generated].some(entry => entry.name === name);
}

function folded(id, label, content) {
  const kept = event => (event.target.open ? opened.add(id) : opened.delete(id));
  return h("details", { id: `data-${id}`, open: opened.has(id), ontoggle: kept }, h("summary", {}, label), content);
}

// ---- which

function chooser(data, table) {
  const { bundled, generated, mnist, file } = store.schema.data;
  const option = (name, text = words(name)) => h("option", { value: name }, text);
  const of = entries => entries.map(({ name }) => option(name));
  const box = h(
    "select",
    { id: "data-name", onchange: () => take(box, table) },
    h("optgroup", { label: "Real data" }, of(bundled), mnist && option("mnist", "MNIST")),
    h("optgroup", { label: "Generated" }, of(generated)),
    h("optgroup", { label: "Your own" }, file && option("file", "File of the command line"), option(OWN, "Own CSV …"))
  );
  box.value = data.name;
  return box;
}

/** Have the server take the data set that is chosen in `box`; a refusal puts the one there is back. */
async function take(box, table) {
  const name = box.value;
  const asks = name === OWN && !chosen.has(OWN) && !table.taken;
  if (asks) table.open();
  const taken = !asks && (await act("set_data", { name, options: chosen.get(name) ?? {} })) !== null;
  if (!taken) box.value = store.state.data.name;
}

function about(data) {
  const { title, text, task, n, n_features: width, classes, target, columns, all_features: all } = data;
  const goal = classes ? counted(classes.length, "class", "classes") : task;
  const features = width < all.length ? `${count(width)} of ${counted(all.length, "feature")}` : counted(width, "feature");
  return h(
    "div",
    { class: "about" },
    isTable(data) && h("h3", { id: "data-table" }, title),
    h("p", { class: "muted small" }, text),
    h("p", { class: "chips figures" }, [counted(n, "row"), features, goal].map(words => h("span", { class: "chip" }, words))),
    columns && h("p", { id: "predicts", class: "muted small", title: target }, "Predicts ", h("strong", {}, target))
  );
}

// ---- rows held out

function heldOut() {
  const { data, training } = store.state;
  const text = h("p", { id: "split-counts", class: "muted small figures" });
  const say = share => setText(text, share === training.validation_split ? counts(data) : `${percent(share, 0)} of ${counted(data.n, "row")}`);
  const set = name => value => act("set_training", { [name]: value }, { where: `training.${name}` });
  const share = slider("validation-split", "Held out", training.validation_split, { max: 0.9, step: 0.05, most: 0.9 }, set("validation_split"), {
    where: "training.validation_split",
    text: "Share of the rows that is not trained on, but only used to judge",
    input: say,
  });
  const seed = number(training.split_seed, set("split_seed"), { step: 1, min: 0 });
  seed.id = "split-seed";
  const chance = field("Split seed", seed, { where: "training.split_seed", text: "Another seed holds other rows out" });
  say(training.validation_split);
  return h("div", { class: "held-out" }, share, h("div", { class: "split" }, text, chance));
}

function counts({ n_train: train, n_held_out: held }) {
  return held ? `${count(train)} to train on, ${count(held)} held out` : `${count(train)} to train on, none held out`;
}
