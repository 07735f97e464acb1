/* "Explain one batch": one update in slow motion, in six parts; its numbers are those of `Sequential.explain_step`. */

import { byLayer } from "../../core/dictionary.js";
import { counted } from "../../core/format.js";
import { on, store } from "../../core/store.js";
import { act } from "../../ui/actions.js";
import { fill, h, reducedMotion, setText } from "../../ui/dom.js";
import { focusedWithin } from "../../ui/focus.js";
import { button, field, number, segments } from "../../ui/forms.js";
import { announce } from "../../ui/notices.js";
import { showOne } from "./beat_view.js";
import { beatsOf, PARTS } from "./beats.js";

const SECONDS_PER_BEAT = 5; // at speed 1
const SPEEDS = [["0.5", "0.5×"], ["1", "1×"], ["2", "2×"]];
const MOST_ROWS = 4097; // one more than a message may name, so that the server says what is too many

/** Put the part into `root`; `drawing` shows each beat, too. */
export function mountExplain(root, { drawing }) {
  new Explain(root, drawing);
}

class Explain {
  constructor(root, drawing) {
    Object.assign(this, { root, drawing, beats: [], place: -1, speed: 1, timer: null, of: null, answer: null, isOld: false, rows: null });
    this.build();
    root.addEventListener("keydown", event => this.key(event));
    on("tab", () => this.shown());
    on("state", () => this.compare());
    on("frame", () => this.compare());
  }

  build() {
    this.ask = button("Explain one batch", "batch", () => this.explain(), { kind: "main" });
    this.ask.id = "explain-button";
    const rows = number(null, value => (this.rows = value), { optional: true, step: 1, min: 1, placeholder: "next batch" });
    rows.id = "explain-rows";
    const rowsField = field("Rows", rows, { where: "rows", text: "How many of the rows to train on, from the first; empty: those of the next update" });
    this.about = h("p", { class: "muted figures", id: "explain-about" });
    this.old = h("p", { id: "explain-old", role: "status" });
    this.player = this.controls();
    this.list = h("ol", { id: "explain-beats", "aria-label": "Beats" });
    this.stage = h("article", { id: "explain-beat", tabindex: -1, "aria-label": "The beat" });
    this.hint = h("p", { class: "muted", id: "explain-hint" }, HINT);
    fill(this.root, h("div", { class: "explain-head" }, rowsField, this.ask), h("div", { class: "explain-about" }, this.about, this.old), this.hint, this.player, this.list, this.stage);
    this.begun(false);
  }

  controls() {
    this.previous = button("Previous", "left", () => this.step(-1), { keys: "Shift+Space" });
    this.next = button("Next", "right", () => this.step(1), { keys: "Space" });
    this.play = button("Play", "play", () => this.toggle());
    this.previous.id = "explain-previous";
    this.next.id = "explain-next";
    this.play.id = "explain-play";
    this.count = h("span", { class: "muted figures", id: "explain-count" });
    const speed = segments("Speed", SPEEDS, "1", value => this.faster(Number(value)));
    return h("div", { class: "player", role: "group", "aria-label": "Slow motion" }, this.previous, this.play, this.next, speed, this.count);
  }

  begun(begun) {
    for (const part of [this.player, this.list, this.stage]) part.hidden = !begun;
    this.hint.hidden = begun;
  }

  // ---- asking

  async explain() {
    this.pause();
    await paused();
    const rows = this.rows === null ? {} : { rows: Array.from({ length: Math.max(0, Math.min(MOST_ROWS, Math.floor(this.rows))) }, (_, i) => i) };
    const answer = await act("explain", rows, { root: this.root, where: "rows" });
    if (!answer) return;
    this.of = { ...moment(answer), set: setUp(store.state) };
    this.answer = byLayer(answer);
    this.beats = beatsOf(answer, store.state, store.schema);
    this.begun(true);
    this.listBeats();
    this.stage.style.minHeight = "";
    setText(this.about, `${this.rows === null ? "The next update" : "An update on chosen rows"}: ${this.words()}, ${counted(answer.rows.length, "row")}`);
    this.compare();
    this.go(0);
    this.stage.focus({ preventScroll: true });
    if (!reducedMotion()) this.start();
  }

  words() {
    return `epoch ${this.of.epoch + 1}, batch ${this.of.batch + 1}`;
  }

  /** Say so if the network is no longer the one that was explained. */
  compare() {
    if (!this.of) return;
    const { epoch, batch } = moment(store.frame ?? store.state.run);
    const old = epoch !== this.of.epoch || batch !== this.of.batch || this.of.set !== setUpNow();
    if (old === this.isOld) return;
    this.isOld = old;
    this.root.toggleAttribute("data-old", old);
    this.about.hidden = old;
    const renew = () => button("Explain the next batch", "reset", () => this.explain(), { kind: "small" });
    fill(this.old, ...(old ? [h("span", {}, `This is of ${this.words()}; the network has moved on.`), renew()] : []));
    if (!old) return;
    this.pause();
    this.drawing.showBeat(null);
  }

  // ---- beats

  listBeats() {
    const item = (beat, i) =>
      h("button", { type: "button", class: "small", "data-beat": beat.key, "data-norm": beat.norm === undefined ? null : String(beat.norm), "aria-label": beat.title, onclick: () => this.jump(i) }, beat.layer ?? beat.title.split(":")[0]);
    const part = (title, number) => {
      const own = this.beats.map((beat, i) => [beat, i]).filter(([beat]) => beat.part === number);
      if (!own.length) return null;
      const one = own.length === 1 && !own[0][0].layer;
      return h("li", { class: one ? "one" : null }, one ? null : h("span", { class: "part" }, title), h("div", {}, own.map(([beat, i]) => item(beat, i))));
    };
    fill(this.list, PARTS.map(part));
  }

  jump(i) {
    this.pause();
    this.go(i);
  }

  step(by) {
    this.pause();
    this.go(this.place + by);
  }

  go(place) {
    if (place < 0 || place >= this.beats.length) return;
    const inList = focusedWithin(this.list) !== null;
    this.place = place;
    const beat = this.beats[place];
    this.stage.style.minHeight = `${Math.max(parseFloat(this.stage.style.minHeight) || 0, this.stage.offsetHeight)}px`;
    showOne(this.stage, beat);
    this.mark(inList);
    if (!this.isOld) this.drawing.showBeat(beat, this.answer);
    announce(`${place + 1} of ${this.beats.length}. ${beat.title}. ${beat.said}`);
  }

  mark(inList) {
    setText(this.count, `${this.place + 1} of ${this.beats.length}`);
    this.enable(this.previous, this.place > 0);
    this.enable(this.next, this.place < this.beats.length - 1);
    for (const [i, one] of this.list.querySelectorAll("[data-beat]").entries()) {
      const now = i === this.place;
      if (now) one.setAttribute("aria-current", "step");
      else one.removeAttribute("aria-current");
      one.classList.toggle("done", i < this.place);
      if (now && inList) one.focus();
    }
  }

  /** Turn a button on or off; the focus stays in the panel, so that Space goes on working. */
  enable(one, on) {
    if (!on && focusedWithin(this.player) === one) this.stage.focus({ preventScroll: true });
    one.disabled = !on;
  }

  // ---- playing

  start() {
    if (this.place >= this.beats.length - 1) this.go(0);
    this.playing(true);
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tick(), (1000 * SECONDS_PER_BEAT) / this.speed);
  }

  tick() {
    if (this.place < this.beats.length - 1) {
      this.go(this.place + 1);
      return this.wait();
    }
    this.pause();
    this.drawing.showBeat(null);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    this.playing(false);
  }

  playing(playing) {
    const face = button(playing ? "Pause" : "Play", playing ? "pause" : "play", () => {});
    fill(this.play, ...face.childNodes);
  }

  toggle() {
    if (this.timer === null) this.start();
    else this.pause();
  }

  faster(speed) {
    this.speed = speed;
    if (this.timer !== null) this.wait();
  }

  // ---- the page around

  shown() {
    if (store.tab === "explain") {
      if (this.place >= 0 && !this.isOld) this.drawing.showBeat(this.beats[this.place], this.answer);
      return;
    }
    this.pause();
    if (this.of) this.drawing.showBeat(null);
  }

  /** Space is the next beat and Shift+Space the one before, but on what Space itself works. */
  key(event) {
    if (event.key !== " " || !this.beats.length || event.ctrlKey || event.altKey || event.metaKey) return;
    const own = event.target.closest("button, input, select, summary");
    const steps = own === this.next || own === this.previous || own?.getAttribute("aria-current") === "step";
    if (own && !steps) return;
    event.preventDefault();
    this.step(event.shiftKey || own === this.previous ? -1 : 1);
  }
}

const HINT =
  "One update in slow motion, in six parts: the batch comes in, goes forward layer by layer, the loss is taken, gradients go backward, the weights move, and the same rows are tried again. Every number is that of the core. Training pauses for it.";

/** Pause the training, and wait until the page knows where it has stopped. */
async function paused() {
  if (!store.state.run.playing) return;
  if ((await act("pause")) === null) return;
  await new Promise(resolve => {
    const end = on("state", () => !store.state.run.playing && resolve(end()));
    if (!store.state.run.playing) resolve(end());
  });
}

/** Return where in the training something is. */
function moment({ epoch, batch }) {
  return { epoch, batch };
}

/** Return what decides, together with the moment, which step it is. */
function setUp({ layers, optimizer, data, training }) {
  return JSON.stringify([layers, optimizer, data.name, data.options, training]);
}

let last = [null, ""];

/** The same of the state now; worked out once for each state, as frames come often. */
function setUpNow() {
  if (last[0] !== store.state) last = [store.state, setUp(store.state)];
  return last[1];
}
