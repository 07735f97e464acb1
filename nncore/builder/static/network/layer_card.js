/* What a card shows of its layer: all of it out of the state; the live bar is in gradient_bars.js. */

import { functionOf } from "../core/activations.js";
import { brief, count, counted, figure, words } from "../core/format.js";
import { isGroup, nameOf } from "../core/paths.js";
import { store } from "../core/store.js";
import { h, svg } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { wantedUnits } from "./edits.js";
import { gradientBar } from "./gradient_bars.js";

const [WIDE, HIGH] = [44, 24]; // of the little curve
const EXACT = 10_000; // parameters: from here on a card has room for three digits only
const SHOWN_ELSEWHERE = new Set(["type", "units", "activation", "layers", "branches", "name"]);

/** Return the content of the card at `index`. */
export function cardContent(index) {
  const layer = store.state.layers[index];
  const shape = store.state.shapes[index];
  return [
    head(layer, [index]),
    isGroup(layer) ? inside(layer, [index]) : middle(layer, [index]),
    foot(shape),
    isGroup(layer) ? null : gradientBar(nameOf([index]), shape.n_parameters > 0),
  ];
}

/** Return what a screen reader says of a card. */
export function cardLabel(index) {
  const layer = store.state.layers[index];
  const { n_in, n_out, n_parameters } = store.state.shapes[index];
  const content = isGroup(layer) ? layer.layers.map(inWords).join(", then ") : "";
  return [`${nameOf([index])}: ${inWords(layer)}`, content, `${n_in} to ${n_out}`, counted(n_parameters, "parameter")].filter(Boolean).join(", ");
}

/** Return a layer in a few words: "Dense, 32 units, relu, l2 0.01". */
export function inWords(layer) {
  const amount = typeof layer.units === "number" ? counted(layer.units, "unit") : null;
  return [layer.type, amount, functionOf(layer)?.name, ...extras(layer)].filter(Boolean).join(", ");
}

function foot({ n_in, n_out, n_parameters }) {
  const size = n_parameters ? `${n_parameters < EXACT ? count(n_parameters) : brief(n_parameters)} par.` : "";
  return h("div", { class: "card-foot figures" },
    h("span", { title: "Values in → values out" }, `${count(n_in)} → ${count(n_out)}`),
    h("span", { title: counted(n_parameters, "parameter") }, size));
}

function head(layer, path) {
  const name = nameOf(path);
  const grip = h("span", { class: "grip", title: "Drag to another place" }, icon("grip"));
  const title = h("div", { class: "card-title" }, h("strong", {}, layer.type), h("span", { class: "card-name", title: name }, name));
  return h("div", { class: "card-head" }, grip, title);
}

function middle(layer, path) {
  return h("div", { class: "card-middle" }, stepper(layer, path), functionShown(layer), purpose(layer), chips(layer));
}

/** What a layer does that has neither units nor a function: what the core's documentation says behind its colon. */
function purpose(layer) {
  if ("units" in layer || functionOf(layer)) return null;
  const text = store.schema.layers[layer.type].text.split(": ").at(-1).replaceAll("`", "");
  return h("p", { class: "purpose", title: text }, text);
}

/** Plus and minus for pointers; keys have the arrows, and the form has a box. */
function stepper(layer, path) {
  if (typeof layer.units !== "number") return null;
  const step = (by, name, action) => {
    const title = `One unit ${by < 0 ? "fewer" : "more"} (with Shift: ten)`;
    return h("span", { class: "step", "data-step": by, "data-action": action, "aria-hidden": "true", title }, icon(name));
  };
  const shown = h("span", { class: "units figures", "data-units": true }, count(wantedUnits(path)));
  return h("div", { class: "stepper" }, step(-1, "minus", "fewer-units"), shown, step(1, "plus", "more-units"));
}

function functionShown(layer) {
  const given = functionOf(layer);
  if (!given) return null;
  const about = store.schema.activations.find(row => row.name === given.name);
  return h("div", { class: "card-function", title: about ? `${about.name}(x) = ${about.formula}` : null }, curve(about), h("span", {}, words(given.name)));
}

/** Return the little curve of an activation function, by points of the core; one that acts on whole rows has none. */
function curve(about) {
  const frame = { class: "curve", viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" };
  if (!about?.curve) return svg("svg", frame, svg("path", { class: "bars", d: "M8 21V15M17 21V4M26 21V11M35 21V17" }));
  const { x, y } = about.curve;
  const [low, high] = [Math.min(0, ...y), Math.max(0, ...y)];
  const across = value => (2 + ((value - x[0]) / (x.at(-1) - x[0])) * (WIDE - 4)).toFixed(1);
  const up = value => (HIGH - 3 - ((value - low) / (high - low || 1)) * (HIGH - 6)).toFixed(1);
  const line = x.map((value, i) => `${i ? "L" : "M"}${across(value)} ${up(y[i])}`).join("");
  return svg("svg", frame, svg("path", { class: "axes", d: `M2 ${up(0)}H${WIDE - 2}M${across(0)} 2V${HIGH - 2}` }), svg("path", { d: line }));
}

function chips(layer) {
  const texts = extras(layer);
  return texts.length ? h("div", { class: "chips", title: texts.join(", ") }, texts.map(text => h("span", { class: "chip" }, text))) : null;
}

/** Return what of a layer is not as it is by default, and what it must be told: "l2 0.01", "no bias", "rate 0.2". */
function extras(layer) {
  const { fields } = store.schema.layers[layer.type];
  const differs = name => name in layer && !SHOWN_ELSEWHERE.has(name) && layer[name] !== (fields[name].default ?? null);
  return Object.keys(fields).filter(differs).map(name => extra(name, layer[name]));
}

function extra(name, value) {
  if (typeof value === "boolean") return `${value ? "" : "no "}${words(name.replace(/^use_/, ""))}`;
  if (name.endsWith("initializer")) return `${name.startsWith("bias") ? "bias: " : ""}${words(typeof value === "string" ? value : value.type)}`;
  return `${words(name)} ${typeof value === "number" ? figure(value) : value}`;
}

// ---- residual groups

/** The layers of a group side by side, and over them the connection that goes around them. */
function inside(layer, path) {
  const small = (one, i) => (isGroup(one) ? nested(one, [...path, i]) : mini(one, [...path, i]));
  const around = h("div", { class: "around", title: "Around the layers: the group's input is added to their output" }, h("span", {}, "+ x"));
  return h("div", { class: "group" }, around, h("div", { class: "minis" }, layer.layers.map(small)));
}

function nested(layer, path) {
  return h("div", { class: "nested", "data-path": path.join("."), "data-name": nameOf(path) }, inside(layer, path));
}

function mini(layer, path) {
  const given = functionOf(layer);
  const about = given && store.schema.activations.find(row => row.name === given.name);
  const name = nameOf(path);
  const units = typeof layer.units === "number" ? h("span", { "data-units": true }, count(wantedUnits(path))) : null;
  return h("div", { class: "mini", "data-path": path.join("."), "data-name": name, title: `${name}: ${inWords(layer)}` },
    h("strong", {}, layer.type),
    h("span", { class: "mini-line figures" }, units, given ? curve(about) : extras(layer)[0]),
    gradientBar(name, trains(layer)));
}

/** Whether a layer has parameters itself; the state counts them by cards only, with all that is inside. */
export function trains(layer) {
  return typeof layer.units === "number" || layer.affine === true;
}
