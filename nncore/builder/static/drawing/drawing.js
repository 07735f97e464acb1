/* The drawing of the network: canvas, legend, readout and table, and when they are painted anew. */

import { on, store } from "../core/store.js";
import { colour, fill, h, setText, sharp } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Flow } from "./flow.js";
import { valuesOf } from "./frame_values.js";
import { again, sceneOf } from "./geometry.js";
import { fillLayerTable, layerTable } from "./layer_table.js";
import { fillLegend, legend } from "./legend.js";
import { paint, styleNow } from "./paint.js";
import { listen, paintPointed } from "./pointing.js";
import { describe } from "./readout.js";

const REST = 3; // times as long as a painting took, until the next: training comes first
const EXPORTED = { width: 960, height: 360, scale: 2 };
const LABEL = "Drawing of the network. Left and right go from layer to layer, up and down through nodes and edges, Enter selects the layer.";
const HINT = "Start training to see gradients flow backward through the network!";
const HELP = "Point at a node or an edge to read its figures; with the keyboard, use the arrow keys in the drawing.";

/** Put the drawing into `root`; return what others do with it: show a beat of an explained step (the answer of
 * `explain`), or none again with null, and save a picture. */
export function mountDrawing(root) {
  const drawing = new Drawing(root);
  watch(drawing);
  return { showBeat: (beat, step) => drawing.showBeat(beat, step), picture: () => drawing.picture() };
}

function watch(drawing) {
  const wake = () => drawing.flow.wake();
  new ResizeObserver(() => drawing.rebuild()).observe(drawing.scroller);
  new IntersectionObserver(([entry]) => drawing.seen(entry.isIntersecting)).observe(drawing.scroller);
  document.addEventListener("visibilitychange", wake);
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", wake);
  on("state", () => drawing.stateChanged());
  on("frame", () => drawing.frameChanged());
  on("select", () => drawing.repaint());
  on("theme", () => {
    drawing.style = null;
    drawing.repaint();
  });
  if (store.state) drawing.stateChanged();
}

/** The stage that the parts of the drawing share: elements, scene and values of now, what is pointed at, how it is shown. */
class Drawing {
  constructor(root) {
    Object.assign(this, { root, mode: "weights", pointed: null, visible: false, scene: null, values: null, unit: 1, style: null, explained: null });
    this.painted = { frame: null, at: 0, took: 0, timer: null, progress: null };
    const said = { role: "application", "aria-roledescription": "drawing", "aria-label": LABEL, "aria-describedby": "drawing-readout" };
    this.canvas = h("canvas", { id: "drawing-canvas", tabindex: 0, ...said });
    this.overlay = h("canvas", { class: "overlay", "aria-hidden": "true" });
    this.scroller = h("div", { class: "drawing-scroll" }, this.canvas, this.overlay);
    this.readout = h("p", { id: "drawing-readout", class: "figures" });
    this.flow = new Flow(this);
    fill(root, legend(this, mode => this.setMode(mode)), this.scroller, this.readout, layerTable(this));
    listen(this, () => this.pointedChanged());
  }

  setMode(mode) {
    this.mode = mode;
    this.repaint();
  }

  seen(visible) {
    this.visible = visible;
    if (visible && this.painted.frame !== store.frame) this.repaint();
    this.flow.wake();
  }

  // ---- what changes

  stateChanged() {
    const { run, layers } = store.state;
    const before = this.painted.progress;
    const now = { steps: run.epoch * run.n_batches + run.batch, layers: JSON.stringify(layers), playing: run.playing };
    const same = before?.layers === now.layers;
    this.painted.progress = now;
    if (!same) this.pointed = null;
    this.rebuild();
    this.flow.setLive(run.playing);
    if (same && !before.playing && !now.playing && now.steps > before.steps) this.flow.once();
  }

  /** Show a beat of an explained step: while it is shown, all figures are those of that step. */
  showBeat(beat, step = null) {
    const explained = beat && step ? { edges: step.edges, gradient_norms: step.gradient_norms } : null;
    const other = explained?.edges !== this.explained?.edges;
    this.explained = explained;
    if (other) this.repaint();
    this.flow.showBeat(beat);
  }

  /** Return the latest frame, with the figures of the explained step while one is shown. */
  frame() {
    return this.explained ? { ...store.frame, ...this.explained } : store.frame;
  }

  /** Take the frame in as soon as the last painting has rested. */
  frameChanged() {
    const { painted } = this;
    if (!this.visible || !this.scene || painted.timer !== null || painted.frame === store.frame) return;
    const wait = Math.max(0, painted.at + REST * painted.took - performance.now());
    painted.timer = setTimeout(() => {
      painted.timer = null;
      this.repaint();
    }, wait);
  }

  /** Find anew where everything is: the network or the size is another one. */
  rebuild() {
    if (!store.state) return;
    this.unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
    const { clientWidth, clientHeight } = this.scroller;
    if (!clientWidth) return;
    this.scene = sceneOf(store.state, clientWidth / this.unit, clientHeight / this.unit);
    for (const canvas of [this.canvas, this.overlay]) canvas.style.width = `${this.scene.width * this.unit}px`;
    this.repaint();
  }

  repaint() {
    if (!this.scene || !store.frame || this.canvas.offsetParent === null) return;
    const begun = performance.now();
    this.style ??= styleNow();
    this.values = valuesOf(this.scene, this.frame());
    this.pointed = again(this.scene, this.values, this.pointed);
    const { context } = sharp(this.canvas);
    context.scale(this.unit, this.unit);
    paint(context, this.scene, this.values, { mode: this.mode, style: this.style, selected: store.selected });
    Object.assign(this.painted, { frame: store.frame, at: performance.now(), took: performance.now() - begun });
    this.tell();
    this.flow.wake();
  }

  /** Write what the picture shows into the page: for readers, and for tests. */
  tell() {
    const { values, root } = this;
    const norms = Object.entries(this.frame().edges).map(([name, entry]) => [name, entry.gradient_norm]);
    root.dataset.norms = JSON.stringify(Object.fromEntries(norms));
    for (const condition of ["starving", "fading", "exploding"]) root.dataset[condition] = values[condition].join(" ");
    root.dataset.mode = this.mode;
    fillLegend(this);
    fillLayerTable(this);
    this.fillReadout();
  }

  // ---- what is pointed at, and what moves

  pointedChanged() {
    this.canvas.style.cursor = this.pointed ? "pointer" : "";
    this.fillReadout();
    this.flow.wake();
  }

  fillReadout() {
    const { pointed, readout } = this;
    const begun = store.frame.epoch > 0 || store.frame.batch > 0 || store.state.run.playing;
    readout.dataset.kind = pointed ? pointed.kind : begun ? "help" : "hint";
    if (!pointed && !begun) {
      if (readout.textContent !== HINT) fill(readout, icon("information"), HINT);
      return;
    }
    setText(readout, pointed ? describe(this.scene, this.values, this.frame(), pointed) : HELP);
    readout.title = readout.textContent;
  }

  paintOverlay() {
    if (!this.values || this.canvas.offsetParent === null) return;
    const { context } = sharp(this.overlay);
    context.scale(this.unit, this.unit);
    this.flow.paint(context);
    if (this.pointed) paintPointed(context, this, this.pointed);
  }

  /** Scroll so far that a column can be seen. */
  reveal(index) {
    const { scroller, unit, scene } = this;
    const x = scene.columns[index].x * unit;
    const { scrollLeft, clientWidth } = scroller;
    if (x < scrollLeft + 60 || x > scrollLeft + clientWidth - 40) scroller.scrollLeft = x - clientWidth / 2;
  }

  /** Return a canvas with the drawing as it is now, twice as fine as the page, without anything that moves. */
  picture() {
    const { unit } = this;
    const height = this.scene?.height ?? EXPORTED.height;
    const scene = sceneOf(store.state, this.scene?.width ?? EXPORTED.width, height);
    const canvas = h("canvas");
    canvas.width = Math.round(EXPORTED.scale * unit * scene.width);
    canvas.height = Math.round(EXPORTED.scale * unit * height);
    const context = canvas.getContext("2d");
    context.fillStyle = colour("--surface");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(EXPORTED.scale * unit, EXPORTED.scale * unit);
    paint(context, scene, valuesOf(scene, this.frame()), { mode: this.mode, style: styleNow(), selected: null });
    return canvas;
  }
}
