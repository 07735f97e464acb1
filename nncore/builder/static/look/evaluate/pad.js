/* A pad to draw on, and how likely the network takes the drawing for each class. */

import { percent } from "../../core/format.js";
import { arePictures, dataRows } from "../../core/rows.js";
import { store } from "../../core/store.js";
import { colour, fill, h, setText } from "../../ui/dom.js";
import { button, field } from "../../ui/forms.js";
import { announce, unsay } from "../../ui/notices.js";
import { paint, picture, rangeOf } from "../../plot/pictures.js";
import { habits, inkLine, pixelsOf } from "./pixels.js";

const SIZE = 168; // pixels of the drawing along each side
const STEP = SIZE / 14; // of the cursor
const REST = 1000; // ms without a stroke until the answer is said

/** The view "draw". */
export const padView = {
  label: () => "Draw",
  suits: ({ classes }, rows) => Boolean(classes) && arePictures(rows),
  pause: 500,
  parts: false,
  make,
};

/** Return what is drawn before anything is: ink of the pad, and pixels as the data have them. */
function nothing() {
  return { ink: new Float32Array(SIZE * SIZE), pixels: null, asked: null, brush: 22, cursor: [SIZE / 2, SIZE / 4] };
}

/** The drawing is kept in `kept`: it stays when one looks elsewhere. */
function make(root, asked, kept) {
  const drawing = (kept.drawing ??= nothing());
  const view = { drawing, last: null, focused: false, bars: [], asked };
  drawing.pixels = null; // other data have others
  view.canvas = padCanvas(view);
  view.seen = picture(store.state.data.image, "What the network reads");
  const clear = button("Clear", "remove", () => wipe(view), { kind: "small" });
  clear.id = "pad-clear";
  const brush = h("input", { type: "range", id: "pad-brush", min: 8, max: 36, value: drawing.brush, oninput: () => (drawing.brush = Number(brush.value)) });
  const tools = h("div", { class: "pad-tools" }, h("figure", { class: "seen" }, view.seen, h("figcaption", { class: "muted small" }, "What the network reads")), field("Brush", brush), clear);
  const hint = h("p", { class: "muted small" }, "Draw with the pointer, or with arrows and Space; Shift and arrows draw a line.");
  fill(root, h("div", { id: "pad", class: "pad-view" }, h("div", { class: "stack" }, view.canvas, hint), tools, bars(view)));
  dataRows().then(({ images }) => {
    view.habits = habits(images.pixels, store.state.data.image, rangeOf(images.pixels));
    changed(view);
  }, () => {});
  return {
    fields: () => (drawing.asked = drawing.pixels) && { pixels: drawing.pixels },
    show: answer => show(view, answer),
    redraw: () => redraw(view),
  };
}

function padCanvas(view) {
  return h("canvas", {
    class: "pad",
    width: SIZE,
    height: SIZE,
    tabindex: "0",
    role: "application",
    "aria-roledescription": "drawing pad",
    "aria-label": "Pad to draw on. Arrow keys move the brush, with Shift they draw; Space makes a dot, Delete clears.",
    onpointerdown: event => begin(view, event),
    onpointermove: event => drag(view, event),
    onpointerup: () => (view.last = null),
    onpointercancel: () => (view.last = null),
    onkeydown: event => key(view, event),
    onfocus: () => attend(view, true),
    onblur: () => attend(view, false),
  });
}

function bars(view) {
  const { classes } = store.state.data;
  view.bars = classes.map(name => {
    const [bar, text] = [h("span", { class: "bar" }), h("span", { class: "figures" }, "–")];
    const row = h("li", { "data-class": name, "data-probability": "" }, h("span", { class: "name" }, name), h("span", { class: "track" }, bar), text);
    return { row, bar, text };
  });
  return h("ol", { id: "class-bars", "aria-label": "How likely each class is" }, view.bars.map(({ row }) => row));
}

function show(view, { probabilities, classes }) {
  if (!view.drawing.pixels) return;
  const best = probabilities.indexOf(Math.max(...probabilities));
  view.bars.forEach(({ row, bar, text }, i) => {
    row.dataset.probability = probabilities[i] ?? "";
    row.classList.toggle("best", i === best);
    bar.style.width = percent(probabilities[i] ?? 0, 2).replace(" ", "");
    setText(text, percent(probabilities[i]));
  });
  if (view.drawing.asked !== view.drawing.pixels) return; // of a drawing that has another stroke by now
  view.answer = `The drawing looks most like ${classes[best] ?? `class ${best}`}, ${percent(probabilities[best], 0)}`;
  tell(view);
}

/** Say the answer once, when no stroke has been made for a while; what was said of the drawing before is taken back. */
function tell(view) {
  if (!view.rested || !view.answer || view.said) return;
  view.said = view.answer;
  announce(view.said);
}

function sayLater(view) {
  clearTimeout(view.saying);
  if (view.said) unsay(view.said);
  Object.assign(view, { said: "", answer: "", rested: false });
  view.saying = setTimeout(() => {
    view.rested = true;
    tell(view);
  }, REST);
}

// ---- drawing

function begin(view, event) {
  if (event.button !== 0) return;
  view.canvas.setPointerCapture(event.pointerId);
  view.last = place(view, event);
  stroke(view, view.last, view.last);
}

function drag(view, event) {
  if (!view.last) return;
  const steps = event.getCoalescedEvents?.() ?? [];
  for (const one of steps.length ? steps : [event]) {
    const next = place(view, one);
    inkLine(view.drawing.ink, SIZE, view.drawing.brush, view.last, next);
    view.last = next;
  }
  changed(view);
}

function place({ canvas }, event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [((event.clientX - left) / width) * SIZE, ((event.clientY - top) / height) * SIZE];
}

function stroke(view, from, to) {
  inkLine(view.drawing.ink, SIZE, view.drawing.brush, from, to);
  changed(view);
}

function wipe(view) {
  view.drawing.ink.fill(0);
  for (const { row, bar, text } of view.bars) {
    row.dataset.probability = "";
    row.classList.remove("best");
    bar.style.width = "0";
    setText(text, "–");
  }
  changed(view);
  announce((view.said = "The pad is empty."));
}

function changed(view) {
  view.drawing.pixels = view.habits ? pixelsOf(view.drawing.ink, SIZE, store.state.data.image, view.habits) : null;
  redraw(view);
  sayLater(view);
  if (view.drawing.pixels !== null) view.asked();
}

// ---- keys

function key(view, event) {
  const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Delete" || event.key === "Backspace") wipe(view);
  else if (event.key === " ") stroke(view, view.drawing.cursor, view.drawing.cursor);
  else if (step) move(view, step, event.shiftKey);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function move(view, [dx, dy], draws) {
  const before = view.drawing.cursor;
  view.drawing.cursor = [before[0] + dx * STEP, before[1] + dy * STEP].map(value => Math.min(SIZE - STEP / 2, Math.max(STEP / 2, value)));
  if (draws) stroke(view, before, view.drawing.cursor);
  else redraw(view);
}

function attend(view, focused) {
  view.focused = focused;
  redraw(view);
}

// ---- what is seen

function redraw(view) {
  paint(view.canvas, view.drawing.ink, 0, 1);
  if (view.focused && view.canvas.matches(":focus-visible")) ring(view);
  if (!view.habits) return;
  const { low, high } = view.habits;
  paint(view.seen, view.drawing.pixels ?? new Float32Array(view.seen.width ** 2).fill(low), low, high);
}

function ring({ canvas, drawing }) {
  const context = canvas.getContext("2d");
  context.strokeStyle = colour("--accent");
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(...drawing.cursor, drawing.brush / 2, 0, 2 * Math.PI);
  context.stroke();
}
