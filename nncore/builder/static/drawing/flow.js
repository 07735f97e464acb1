/* What moves in the drawing, and only while it means something: gradients that travel backward while the network
 * trains, once after a step, and the beats of an explained batch.
 *
 * The pictures are painted on a canvas above the drawing. While nothing moves, no picture is asked for. */

import { reducedMotion } from "../ui/dom.js";
import { columnsOf, paintBeat, paintPulse } from "./pulses.js";

const PER_LAYER = 520; // ms in which a gradient travels along the edges of one layer
const WAVES = 2; // layers between one wave and the next
const BEAT = { forward: 300, backward: 300, update: 400, loss: 400 }; // ms

export class Flow {
  /** `stage` has {scene, values, style, visible, root, paintOverlay(), reveal(column)}. */
  constructor(stage) {
    Object.assign(this, { stage, live: false, onceSince: null, since: 0, beat: null, beatSince: 0, request: null });
  }

  /** Let gradients travel as long as the network trains. */
  setLive(live) {
    if (live && !this.live) this.since = performance.now();
    if (live) this.onceSince = null;
    this.live = live;
    this.wake();
  }

  /** Let gradients travel back once, from the outputs to the inputs. */
  once() {
    if (this.live) return;
    this.onceSince = performance.now();
    this.wake();
  }

  /** Show a beat of an explained batch, or end it with null.
   *
   * @param beat {kind: "input"|"forward"|"loss"|"backward"|"update", layer: its name or null, row: the one whose
   * values go forward} */
  showBeat(beat) {
    this.beat = beat;
    this.beatSince = performance.now();
    const last = beat && this.stage.scene ? columnsOf(this.stage.scene, beat)[1] : -1;
    if (last >= 0) this.stage.reveal(last);
    this.wake();
  }

  /** Begin to ask for pictures if something moves and can be seen; else paint what stands still, once. */
  wake() {
    this.tell();
    if (this.request !== null) return;
    if (this.moves()) this.request = requestAnimationFrame(now => this.picture(now));
    else this.stage.paintOverlay();
  }

  picture(now) {
    this.request = null;
    const { stage } = this;
    if (this.onceSince !== null && now - this.onceSince > PER_LAYER * stage.scene.groups.length) this.onceSince = null;
    stage.paintOverlay();
    this.wake();
  }

  moves() {
    const { stage } = this;
    if (!stage.visible || !stage.values || document.hidden || reducedMotion()) return false;
    return this.travels() || performance.now() - this.beatSince < this.beatLength();
  }

  travels() {
    return (this.live || this.onceSince !== null) && !this.beat;
  }

  beatLength() {
    return this.beat ? (BEAT[this.beat.kind] ?? 0) : 0;
  }

  /** Say on the drawing's element what is going on. */
  tell() {
    const { root, values } = this.stage;
    const moving = this.travels() && this.moves();
    root.dataset.flow = !moving ? "off" : values.starving.length ? "starving" : "on";
    root.dataset.beat = this.beat ? `${this.beat.kind} ${this.beat.layer ?? ""}`.trim() : "";
  }

  /** Paint all that moves as it is now. */
  paint(context) {
    const now = performance.now();
    const { scene, values, style } = this.stage;
    if (this.beat) {
      const share = this.moves() ? (now - this.beatSince) / this.beatLength() : 1;
      paintBeat(context, scene, values, this.beat, share, style);
    } else if (this.travels() && this.moves()) {
      this.paintWaves(context, (now - (this.live ? this.since : this.onceSince)) / PER_LAYER);
    }
  }

  /** Each wave begins at the outputs and is in one layer at a time; a step sends one, training one after another. */
  paintWaves(context, time) {
    const { scene, values, style } = this.stage;
    scene.groups.toReversed().forEach((group, place) => {
      const found = values.groups.get(group.name);
      const age = time - place;
      if (!found || age < 0) return;
      const share = this.live ? age % WAVES : age;
      if (share < 1) paintPulse(context, scene, values, group, found, share, style);
    });
  }
}
