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
const HINT = "Point at a row to see it.";

/** Put the part into `root`. */
export function mountPreview(root) {
  const preview = new Preview(root);
  on("state", () => preview.showNote());
  on("rows", () => preview.renew());
  on("theme", () => preview.renew());
  new ResizeObserver(() => preview.draw()).observe(preview.place);
  preview.showNote();
  preview.renew();
}

class Preview {
  /** `x` and `y` are the numbers of the features that are shown; `found` are the rows. */
  constructor(root) {
    Object.assign(this, { x: 0, y: 1, found: null, plane: null, canvas: null, names: "" });
    this.place = h("div", { id: "preview", class: "preview" });
    this.balance = h("div", { class: "balance" });
    this.note = h("p", { id: "no-header", class: "muted small" }, "The table has no header row: columns are numbered.");
    fill(root, h("h3", {}, "Preview"), this.note, this.place, this.balance);
  }

  showNote() {
    this.note.hidden = store.state.data.has_header !== false;
  }

  async renew() {
    this.fitAxes();
    const asked = (this.asked = Symbol("the latest"));
    const found = await dataRows(Math.max(0, this.x), Math.max(0, this.y)).catch(() => null);
    if (!found || asked !== this.asked) return;
    this.found = found;
    const pictures = arePictures(found);
    fill(this.balance, classBalance(!pictures));
    this.canvas = null;
    fill(this.place, pictures ? thumbnails(found) : this.scatter());
    this.draw();
  }

  /** Keep the axes where the features still are there; a number to predict is shown over the first feature. */
  fitAxes() {
    const { features, classes, columns } = store.state.data;
    const names = JSON.stringify([features, classes]);
    if (names === this.names) return;
    const measured = features.map((_, i) => i).filter(i => columns?.includes(features[i])); // not the 0 and 1 of a text
    const [x, y] = measured.length > 1 ? measured : [0, 1];
    Object.assign(this, { names, x, y: classes && features.length > 1 ? y : TARGET });
  }

  // ---- the plane

  scatter() {
    const { target, n_features: width, all_features: all } = store.state.data;
    const both = button("Train on these two features", null, () => this.useBoth(), { kind: "small" });
    both.id = "use-two";
    both.disabled = this.x < 0 || this.y < 0 || this.x === this.y;
    const said = h("p", { id: "preview-row", class: "muted small figures said", "aria-hidden": "true" }, HINT);
    this.canvas = h("canvas", { id: "preview-plane", role: "img", "aria-label": this.described(), onpointermove: event => this.say(event, said) });
    const rows = twin("As a table", () => this.tableOfRows());
    return [
      (width > 2 || all.length > 2) && h("div", { class: "pairs" }, this.axis("x", []), this.axis("y", [[String(TARGET), target]])),
      this.canvas,
      said,
      width > 2 && both,
      rows.element,
    ];
  }

  /** Return the box that chooses what is shown across ("x") or up ("y"); `others` stand before the features. */
  axis(name, others) {
    const options = [...others, ...store.state.data.features.slice(0, MOST_FEATURES).map((text, i) => [String(i), text])];
    const take = value => {
      this[name] = Number(value);
      this.renew();
    };
    const box = choice(options, String(this[name]), take);
    box.id = `preview-${name}`;
    return field(name === "x" ? "Across" : "Up", box);
  }

  useBoth() {
    const { name, options, features } = store.state.data;
    const both = [features[this.x], features[this.y]];
    announce(`Training on ${both.join(" and ")}.`);
    return act("set_data", { name, options: { ...options, features: both } });
  }

  described() {
    const { features, target } = store.state.data;
    const name = index => (index === TARGET ? target : features[index]);
    return `Rows of the data: ${name(this.x)} across, ${name(this.y)} up. The table below has the same.`;
  }

  draw() {
    if (!this.canvas || this.canvas.offsetParent === null) return;
    const { classes, features, target } = store.state.data;
    const shown = this.points();
    const ticks = this.y === TARGET && classes ? classes.slice(0, 20).map((text, i) => [i, text]) : undefined;
    const axes = {
      x: { range: span(shown.x), name: features[this.x] },
      y: { range: ticks ? [-0.7, classes.length - 0.3] : span(shown.y), name: this.y === TARGET ? target : features[this.y], ticks },
    };
    this.plane = drawPlane(this.canvas, axes, plane => drawRows(plane, shown, this.marking(shown), shown.x.length > 400 ? 2.8 : 3.4));
  }

  /** Return the rows as points; up is the second feature, or the target. */
  points() {
    return this.y === TARGET ? { ...this.found, y: this.found.target } : this.found;
  }

  marking({ target }) {
    const { classes } = store.state.data;
    if (classes) {
      const marks = classMarks(classes.length);
      return i => marks[target[i]];
    }
    const { shade } = scale(target);
    return i => ({ colour: css(this.y === TARGET ? shade(Infinity) : shade(target[i])), symbol: "circle" });
  }

  say(event, said) {
    const i = this.plane && nearest(this.plane, this.points(), event.offsetX, event.offsetY);
    setText(said, i === null ? HINT : this.texts(i).join(" · "));
  }

  texts(i) {
    const { rows, x, y, target, held_out: held, names } = this.found;
    const second = this.y === TARGET ? [] : [`${names[1]} ${figure(y[i])}`];
    return [`Row ${rows[i]}`, `${names[0]} ${figure(x[i])}`, ...second, targetText(target[i], figure), ...(held[i] ? ["held out"] : [])];
  }

  tableOfRows() {
    const { rows, x, y, target, held_out: held, names } = this.found;
    const axes = this.y === TARGET ? [x] : [x, y];
    const line = (row, i) => [row, ...axes.map(axis => figure(axis[i], 6)), targetText(target[i], figure), held[i] ? "held out" : "trained on"];
    return {
      head: ["Row", ...names.slice(0, axes.length), store.state.data.target, "Part"],
      rows: rows.slice(0, MOST_LISTED).map(line),
      note: `${count(Math.min(MOST_LISTED, rows.length))} of ${count(store.state.data.n)} rows.`,
    };
  }
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
