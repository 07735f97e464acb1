/* What the data look like: rows in the plane of two features, or pictures, and how many rows each class has. */

import { count, figure } from "../core/format.js";
import { arePictures, dataRows, targetText } from "../core/rows.js";
import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { fill, h, setText } from "../ui/dom.js";
import { button, choice, field } from "../ui/forms.js";
import { announce } from "../ui/notices.js";
import { twin } from "../ui/twin.js";
import { classMarks, markOf } from "../plot/marks.js";
import { paint, picture, rangeOf } from "../plot/pictures.js";
import { drawPlane, drawRows, nearest, span } from "../plot/plane.js";
import { css, scale } from "../plot/ramp.js";

const TARGET = -1; // in the place of a feature's number
const MOST_CLASSES = 60;
const MOST_FEATURES = 500; // in the boxes that choose the axes
const MOST_LISTED = 100; // rows of the table

const view = { x: 0, y: 1, found: null, plane: null };

/** Put the part into `root`. */
export function mountPreview(root) {
  const place = h("div", { id: "preview", class: "preview" });
  const balance = h("div", { class: "balance" });
  const note = h("p", { id: "no-header", class: "muted small" }, "The table has no header row: columns are numbered.");
  fill(root, h("h3", {}, "Preview"), note, place, balance);
  const showNote = () => (note.hidden = store.state.data.has_header !== false);
  on("state", showNote);
  showNote();
  const renew = async () => {
    fitAxes();
    const asked = (view.asked = Symbol("the latest"));
    const found = await dataRows(Math.max(0, view.x), Math.max(0, view.y)).catch(() => null);
    if (!found || asked !== view.asked) return;
    view.found = found;
    const pictures = arePictures(found);
    fill(balance, classBalance(!pictures));
    fill(place, pictures ? thumbnails(found) : scatter(renew));
    draw();
  };
  on("rows", renew);
  on("theme", renew);
  new ResizeObserver(() => draw()).observe(place);
  renew();
}

/** Keep the axes where the features still are there; a number to predict is shown over the first feature. */
function fitAxes() {
  const { features, classes, columns } = store.state.data;
  const names = JSON.stringify([features, classes]);
  if (names === view.names) return;
  const measured = features.map((_, i) => i).filter(i => columns?.includes(features[i])); // not the 0 and 1 of a text
  const [x, y] = measured.length > 1 ? measured : [0, 1];
  Object.assign(view, { names, x, y: classes && features.length > 1 ? y : TARGET });
}

// ---- the plane

function scatter(renew) {
  const { features, target, n_features: width, all_features: all } = store.state.data;
  const axis = (name, others) => {
    const options = [...others, ...features.slice(0, MOST_FEATURES).map((text, i) => [String(i), text])];
    const box = choice(options, String(view[name]), value => renew(Object.assign(view, { [name]: Number(value) })));
    box.id = `preview-${name}`;
    return field(name === "x" ? "Across" : "Up", box);
  };
  const both = button("Train on these two features", null, useBoth, { kind: "small" });
  both.id = "use-two";
  both.disabled = view.x < 0 || view.y < 0 || view.x === view.y;
  const said = h("p", { id: "preview-row", class: "muted small figures said", "aria-hidden": "true" }, "Point at a row to see it.");
  const canvas = h("canvas", { id: "preview-plane", role: "img", "aria-label": described(), onpointermove: event => say(event, said) });
  const rows = twin("As a table", tableOfRows);
  return [
    (width > 2 || all.length > 2) && h("div", { class: "pairs" }, axis("x", []), axis("y", [[String(TARGET), target]])),
    canvas,
    said,
    width > 2 && both,
    rows.element,
  ];
}

function useBoth() {
  const { name, options, features } = store.state.data;
  announce(`Training on ${features[view.x]} and ${features[view.y]}.`);
  return act("set_data", { name, options: { ...options, features: [features[view.x], features[view.y]] } });
}

function described() {
  const { features, target } = store.state.data;
  const name = index => (index === TARGET ? target : features[index]);
  return `Rows of the data: ${name(view.x)} across, ${name(view.y)} up. The table below has the same.`;
}

function draw() {
  const canvas = document.getElementById("preview-plane");
  if (!view.found || !canvas || canvas.offsetParent === null) return;
  const { classes, features, target } = store.state.data;
  const shown = points();
  const ticks = view.y === TARGET && classes ? classes.slice(0, 20).map((text, i) => [i, text]) : undefined;
  const axes = {
    x: { range: span(shown.x), name: features[view.x] },
    y: { range: ticks ? [-0.7, classes.length - 0.3] : span(shown.y), name: view.y === TARGET ? target : features[view.y], ticks },
  };
  view.plane = drawPlane(canvas, axes, plane => drawRows(plane, shown, marking(shown), shown.x.length > 400 ? 2.8 : 3.4));
}

/** Return the rows as points; up is the second feature, or the target. */
function points() {
  return view.y === TARGET ? { ...view.found, y: view.found.target } : view.found;
}

function marking({ target }) {
  const { classes } = store.state.data;
  if (classes) {
    const marks = classMarks(classes.length);
    return i => marks[target[i]];
  }
  const { shade } = scale(target);
  return i => ({ colour: css(view.y === TARGET ? shade(Infinity) : shade(target[i])), symbol: "circle" });
}

function say(event, said) {
  const i = view.plane && nearest(view.plane, points(), event.offsetX, event.offsetY);
  setText(said, i === null ? "Point at a row to see it." : texts(i).join(" · "));
}

function texts(i) {
  const { rows, x, y, target, held_out: held, names } = view.found;
  const second = view.y === TARGET ? [] : [`${names[1]} ${figure(y[i])}`];
  return [`Row ${rows[i]}`, `${names[0]} ${figure(x[i])}`, ...second, targetText(target[i], figure), ...(held[i] ? ["held out"] : [])];
}

function tableOfRows() {
  const { rows, x, y, target, held_out: held, names } = view.found;
  const axes = view.y === TARGET ? [x] : [x, y];
  const line = (row, i) => [row, ...axes.map(axis => figure(axis[i], 6)), targetText(target[i], figure), held[i] ? "held out" : "trained on"];
  return {
    head: ["Row", ...names.slice(0, axes.length), store.state.data.target, "Part"],
    rows: rows.slice(0, MOST_LISTED).map(line),
    note: `${count(Math.min(MOST_LISTED, rows.length))} of ${count(store.state.data.n)} rows.`,
  };
}

// ---- pictures

function thumbnails({ images }) {
  const { image: side, target } = store.state.data;
  const [low, high] = rangeOf(images.pixels);
  const one = (pixels, i) => {
    const text = targetText(images.target[i], figure);
    const canvas = picture(side, `Row ${images.rows[i]}: ${target} ${text}`);
    paint(canvas, pixels, low, high);
    return h("figure", { title: `Row ${images.rows[i]}` }, canvas, h("figcaption", {}, text));
  };
  return h("div", { class: "thumbnails" }, images.pixels.map(one));
}

// ---- classes

/** Return the counts as bars; with the marks of the classes if there is a plane that has them. */
function classBalance(marked) {
  const { classes, counts, n, n_held_out: held } = store.state.data;
  if (!classes) return null;
  const marks = classMarks(classes.length);
  const most = Math.max(...counts);
  const one = (name, i) => {
    const bar = h("span", { class: "bar" });
    bar.style.width = `${(100 * counts[i]) / most}%`;
    if (marked) bar.style.background = marks[i].colour;
    return h("li", { "data-class": name, "data-count": counts[i] }, marked && markOf(marks[i]), h("span", { class: "name", title: name }, name),
      h("span", { class: "track" }, bar), h("span", { class: "figures" }, count(counts[i])));
  };
  return [
    h("h3", {}, "Rows of each class"),
    h("ul", { id: "class-balance", class: marked ? "marked" : null }, classes.slice(0, MOST_CLASSES).map(one)),
    classes.length > MOST_CLASSES && h("p", { class: "muted small" }, `The first ${MOST_CLASSES} of ${count(classes.length)} classes are listed.`),
    marked && held > 0 && h("p", { class: "muted small legend" }, markOf({ colour: "currentColor", symbol: "circle" }, true), `Hollow: held out (${count(held)} of ${count(n)})`),
  ];
}
