/* The drawing of the network: canvas, legend, readout and table, and when they are painted anew. */

import { on, store } from "../core/store.js";
import { colour, fill, h, setText, sharp } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { attachFlow, flowOnce, paintFlow, setLive, showBeat, wake } from "./flow.js";
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

/** What the parts of the drawing share: elements, scene and values of now, what is pointed at, and how it is shown. */
const stage = { mode: "weights", pointed: null, visible: false, scene: null, values: null, unit: 1, style: null, paintOverlay, reveal };
const painted = { frame: null, at: 0, took: 0, timer: null, progress: null };

/** Put the drawing into `root`; return what others do with it: show a beat of an explained batch, and save a picture. */
export function mountDrawing(root) {
  stage.root = root;
  const said = { role: "application", "aria-roledescription": "drawing", "aria-label": LABEL, "aria-describedby": "drawing-readout" };
  stage.canvas = h("canvas", { id: "drawing-canvas", tabindex: 0, ...said });
  stage.overlay = h("canvas", { class: "overlay", "aria-hidden": "true" });
  stage.scroller = h("div", { class: "drawing-scroll" }, stage.canvas, stage.overlay);
  stage.readout = h("p", { id: "drawing-readout", class: "figures" });
  fill(root, legend(stage, setMode), stage.scroller, stage.readout, layerTable(stage));
  attachFlow(stage);
  listen(stage, pointedChanged);
  watch();
  return { showBeat, picture };
}

function watch() {
  new ResizeObserver(rebuild).observe(stage.scroller);
  new IntersectionObserver(([entry]) => seen(entry.isIntersecting)).observe(stage.scroller);
  document.addEventListener("visibilitychange", wake);
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", wake);
  on("state", stateChanged);
  on("frame", frameChanged);
  on("select", repaint);
  on("theme", () => {
    stage.style = null;
    repaint();
  });
  if (store.state) stateChanged();
}

function setMode(mode) {
  stage.mode = mode;
  repaint();
}

function seen(visible) {
  stage.visible = visible;
  if (visible && painted.frame !== store.frame) repaint();
  wake();
}

// ---- what changes

function stateChanged() {
  const { run, layers } = store.state;
  const before = painted.progress;
  const now = { steps: run.epoch * run.n_batches + run.batch, layers: JSON.stringify(layers), playing: run.playing };
  const same = before?.layers === now.layers;
  painted.progress = now;
  if (!same) stage.pointed = null;
  rebuild();
  setLive(run.playing);
  if (same && !before.playing && !now.playing && now.steps > before.steps) flowOnce();
}

/** Take the frame in as soon as the last painting has rested. */
function frameChanged() {
  if (!stage.visible || !stage.scene || painted.timer !== null || painted.frame === store.frame) return;
  const wait = Math.max(0, painted.at + REST * painted.took - performance.now());
  painted.timer = setTimeout(() => {
    painted.timer = null;
    repaint();
  }, wait);
}

/** Find anew where everything is: the network or the size is another one. */
function rebuild() {
  if (!store.state) return;
  stage.unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
  const { clientWidth, clientHeight } = stage.scroller;
  if (!clientWidth) return;
  stage.scene = sceneOf(store.state, clientWidth / stage.unit, clientHeight / stage.unit);
  for (const canvas of [stage.canvas, stage.overlay]) canvas.style.width = `${stage.scene.width * stage.unit}px`;
  repaint();
}

function repaint() {
  if (!stage.scene || !store.frame || stage.canvas.offsetParent === null) return;
  const begun = performance.now();
  stage.style ??= styleNow();
  stage.values = valuesOf(stage.scene, store.frame);
  stage.pointed = again(stage.scene, stage.values, stage.pointed);
  const { context } = sharp(stage.canvas);
  context.scale(stage.unit, stage.unit);
  paint(context, stage.scene, stage.values, { ...stage, selected: store.selected });
  Object.assign(painted, { frame: store.frame, at: performance.now(), took: performance.now() - begun });
  tell();
  wake();
}

/** Write what the picture shows into the page: for readers, and for tests. */
function tell() {
  const { values, root } = stage;
  const norms = Object.entries(store.frame.edges).map(([name, entry]) => [name, entry.gradient_norm]);
  root.dataset.norms = JSON.stringify(Object.fromEntries(norms));
  for (const condition of ["starving", "fading", "exploding"]) root.dataset[condition] = values[condition].join(" ");
  root.dataset.mode = stage.mode;
  fillLegend(stage);
  fillLayerTable(stage);
  fillReadout();
}

// ---- what is pointed at, and what moves

function pointedChanged() {
  stage.canvas.style.cursor = stage.pointed ? "pointer" : "";
  fillReadout();
  wake();
}

function fillReadout() {
  const { pointed, readout } = stage;
  const begun = store.frame.epoch > 0 || store.frame.batch > 0 || store.state.run.playing;
  readout.dataset.kind = pointed ? pointed.kind : begun ? "help" : "hint";
  if (!pointed && !begun) {
    if (readout.textContent !== HINT) fill(readout, icon("information"), HINT);
    return;
  }
  setText(readout, pointed ? describe(stage.scene, stage.values, store.frame, pointed) : HELP);
  readout.title = readout.textContent;
}

function paintOverlay() {
  if (!stage.values || stage.canvas.offsetParent === null) return;
  const { context } = sharp(stage.overlay);
  context.scale(stage.unit, stage.unit);
  paintFlow(context);
  if (stage.pointed) paintPointed(context, stage, stage.pointed);
}

/** Scroll so far that a column can be seen. */
function reveal(index) {
  const { scroller, unit, scene } = stage;
  const x = scene.columns[index].x * unit;
  const { scrollLeft, clientWidth } = scroller;
  if (x < scrollLeft + 60 || x > scrollLeft + clientWidth - 40) scroller.scrollLeft = x - clientWidth / 2;
}

/** Return a canvas with the drawing as it is now, twice as fine as the page, without anything that moves. */
function picture() {
  const unit = stage.unit;
  const height = stage.scene?.height ?? EXPORTED.height;
  const scene = sceneOf(store.state, stage.scene?.width ?? EXPORTED.width, height);
  const canvas = h("canvas");
  canvas.width = Math.round(EXPORTED.scale * unit * scene.width);
  canvas.height = Math.round(EXPORTED.scale * unit * height);
  const context = canvas.getContext("2d");
  context.fillStyle = colour("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(EXPORTED.scale * unit, EXPORTED.scale * unit);
  paint(context, scene, valuesOf(scene, store.frame), { mode: stage.mode, style: styleNow(), selected: null });
  return canvas;
}
