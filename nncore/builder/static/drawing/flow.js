/* What moves in the drawing, and only while it means something: gradients that travel backward while the network
 * trains, once after a step, and the beats of an explained batch.
 *
 * The pictures are painted on a canvas above the drawing. While nothing moves, no picture is asked for. */

import { reducedMotion } from "../ui/dom.js";
import { columnsOf, paintBeat, paintPulse } from "./pulses.js";

const PER_LAYER = 520; // ms in which a gradient travels along the edges of one layer
const WAVES = 2; // layers between one wave and the next
const BEAT = { forward: 300, backward: 300, update: 400, loss: 400 }; // ms

const flow = { stage: null, live: false, onceSince: null, since: 0, beat: null, beatSince: 0, request: null };

/** Give the flow its stage: {scene, values, style, visible, root, paintOverlay(), reveal(column)}. */
export function attachFlow(stage) {
  flow.stage = stage;
}

/** Let gradients travel as long as the network trains. */
export function setLive(live) {
  if (live && !flow.live) flow.since = performance.now();
  if (live) flow.onceSince = null;
  flow.live = live;
  wake();
}

/** Let gradients travel back once, from the outputs to the inputs. */
export function flowOnce() {
  if (flow.live) return;
  flow.onceSince = performance.now();
  wake();
}

/** Show a beat of an explained batch, or end it with null.
 *
 * @param beat {kind: "input"|"forward"|"loss"|"backward"|"update", layer: its name or null} */
export function showBeat(beat) {
  flow.beat = beat;
  flow.beatSince = performance.now();
  const last = beat && flow.stage?.scene ? columnsOf(flow.stage.scene, beat)[1] : -1;
  if (last >= 0) flow.stage.reveal(last);
  wake();
}

/** Begin to ask for pictures if something moves and can be seen; else paint what stands still, once. */
export function wake() {
  const { stage } = flow;
  if (!stage) return;
  tell();
  if (flow.request !== null) return;
  if (moves()) flow.request = requestAnimationFrame(picture);
  else stage.paintOverlay();
}

function picture(now) {
  flow.request = null;
  const { stage } = flow;
  if (flow.onceSince !== null && now - flow.onceSince > PER_LAYER * stage.scene.groups.length) flow.onceSince = null;
  stage.paintOverlay();
  wake();
}

function moves() {
  const { stage } = flow;
  if (!stage.visible || !stage.values || document.hidden || reducedMotion()) return false;
  return travels() || performance.now() - flow.beatSince < beatLength();
}

function travels() {
  return (flow.live || flow.onceSince !== null) && !flow.beat;
}

function beatLength() {
  return flow.beat ? (BEAT[flow.beat.kind] ?? 0) : 0;
}

/** Say on the drawing's element what is going on. */
function tell() {
  const { root, values } = flow.stage;
  const moving = travels() && moves();
  root.dataset.flow = !moving ? "off" : values.starving.length ? "starving" : "on";
  root.dataset.beat = flow.beat ? `${flow.beat.kind} ${flow.beat.layer ?? ""}`.trim() : "";
}

/** Paint all that moves as it is now. */
export function paintFlow(context) {
  const { scene, values, style } = flow.stage;
  const now = performance.now();
  if (flow.beat) {
    const share = moves() ? (now - flow.beatSince) / beatLength() : 1;
    paintBeat(context, scene, values, flow.beat, share, style);
  } else if (travels() && moves()) {
    const time = (now - (flow.live ? flow.since : flow.onceSince)) / PER_LAYER;
    paintWaves(context, scene, values, time, style);
  }
}

/** Each wave begins at the outputs and is in one layer at a time; a step sends one, training one after another. */
function paintWaves(context, scene, values, time, style) {
  scene.groups.toReversed().forEach((group, place) => {
    const found = values.groups.get(group.name);
    const age = time - place;
    if (!found || age < 0) return;
    const share = flow.live ? age % WAVES : age;
    if (share < 1) paintPulse(context, scene, values, group, found, { share, backward: true }, style);
  });
}
