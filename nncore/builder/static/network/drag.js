/* Dragging cards to other places, and kinds of the palette into the strip: by mouse, pen or finger.
 *
 * A finger drags a card by its grip, so that elsewhere it still moves the strip. Escape gives up. */

import { store } from "../core/store.js";
import { h } from "../ui/dom.js";
import { announce } from "../ui/notices.js";
import { insertKind, move } from "./edits.js";

const FAR_ENOUGH = 5; // px, for a press to become a drag
const EDGE = 48; // px at the ends of the strip within which it moves by itself
const FASTEST = 14; // px a picture
const AROUND = 56; // px beyond the strip that still count as being over it

/** Let the cards of `strip`, and the items of `palette`, be dragged. */
export function mountDrag(palette, strip) {
  const mark = h("div", { class: "insertion-mark", hidden: true, "aria-hidden": "true" });
  strip.row.append(mark);
  const press = (event, element, what) => event.button === 0 && !Drag.now && new Drag(event, element, what, strip, mark);
  strip.list.addEventListener("pointerdown", event => {
    const card = event.target.closest(".layer-card");
    const held = event.pointerType !== "touch" || event.target.closest(".grip");
    if (card && held && !event.target.closest(".step")) press(event, card, { from: Number(card.dataset.index) });
  });
  palette.addEventListener("pointerdown", event => {
    const item = event.target.closest("[data-palette]");
    if (item) press(event, item, { kind: item.dataset.palette });
  });
}

/** From a press to letting go: of the card that was number `from`, or of the palette's item of a `kind`. */
class Drag {
  static now = null; // there is one at a time

  constructor(event, element, what, strip, mark) {
    const start = [event.clientX, event.clientY];
    Object.assign(this, { element, strip, mark, start, at: start, moving: false, slot: null, layers: layersText(), ...what });
    this.box = element.getBoundingClientRect();
    this.pointer = event.pointerId;
    this.listeners = Object.entries({
      pointermove: one => this.moved(one),
      pointerup: one => this.released(one),
      pointercancel: one => one.pointerId === this.pointer && this.end(),
      keydown: one => this.keyed(one),
    });
    for (const [type, listener] of this.listeners) window.addEventListener(type, listener, true);
    Drag.now = this;
  }

  moved(event) {
    if (event.pointerId !== this.pointer) return;
    this.at = [event.clientX, event.clientY];
    if (!this.moving && Math.hypot(this.at[0] - this.start[0], this.at[1] - this.start[1]) > FAR_ENOUGH) this.begin();
    if (this.moving) this.follow();
  }

  begin() {
    this.moving = true;
    this.element.setPointerCapture(this.pointer); // so that letting go outside of the window is heard, too
    this.ghost = ghostOf(this);
    document.body.append(this.ghost);
    document.body.classList.add("dragging");
    if (this.from !== undefined) this.element.classList.add("lifted");
    this.picture = requestAnimationFrame(() => this.roll());
  }

  follow() {
    const [x, y] = [0, 1].map(i => this.at[i] - this.start[i]);
    this.ghost.style.transform = `translate(${this.box.left + x}px, ${this.box.top + y}px)`;
    this.showMark();
  }

  /** Show where the card would go; null is nowhere, or where it is already. */
  showMark() {
    const { strip, mark, from } = this;
    const cards = strip.cards().map(card => card.getBoundingClientRect());
    this.slot = this.overStrip() ? cards.filter(box => box.left + box.width / 2 < this.at[0]).length : null;
    if (from !== undefined && (this.slot === from || this.slot === from + 1)) this.slot = null;
    mark.hidden = this.slot === null;
    if (mark.hidden) return;
    const gap = cards.length > 1 ? cards[1].left - cards[0].right : 20;
    const edge = this.slot === 0 ? cards[0].left - gap / 2 : cards[this.slot - 1].right + gap / 2;
    mark.style.left = `${edge - strip.row.getBoundingClientRect().left}px`;
  }

  overStrip() {
    const box = this.strip.scroller.getBoundingClientRect();
    const [x, y] = this.at;
    return x > box.left - AROUND && x < box.right + AROUND && y > box.top - AROUND / 2 && y < box.bottom + AROUND;
  }

  /** While something is held at an end of the strip, the strip moves. */
  roll() {
    if (Drag.now !== this) return;
    this.picture = requestAnimationFrame(() => this.roll());
    const { scroller } = this.strip;
    const box = scroller.getBoundingClientRect();
    if (!this.overStrip()) return;
    const speed = distance => FASTEST * Math.min(1, Math.max(0, (EDGE - distance) / EDGE));
    const by = speed(box.right - this.at[0]) - speed(this.at[0] - box.left);
    const before = scroller.scrollLeft;
    if (by) scroller.scrollLeft += by;
    if (scroller.scrollLeft !== before) this.showMark();
  }

  released(event) {
    if (event.pointerId !== this.pointer) return;
    const { moving, slot, from, kind, layers } = this;
    if (moving) swallowClick();
    this.end();
    if (!moving || slot === null) return;
    if (layers !== layersText()) return announce("The network was changed meanwhile; nothing was moved");
    if (kind) insertKind(kind, slot);
    else move(from, slot > from ? slot - 1 : slot);
  }

  keyed(event) {
    if (event.key !== "Escape" || !this.moving) return;
    event.preventDefault();
    event.stopPropagation();
    swallowClick();
    this.end();
    announce("Not moved");
  }

  end() {
    for (const [type, listener] of this.listeners) window.removeEventListener(type, listener, true);
    cancelAnimationFrame(this.picture);
    this.ghost?.remove();
    this.element.classList.remove("lifted");
    document.body.classList.remove("dragging");
    this.mark.hidden = true;
    Drag.now = null;
  }
}

function layersText() {
  return JSON.stringify(store.state.layers);
}

/** A copy of what is dragged, that goes with the pointer. */
function ghostOf({ element, from, box }) {
  const copy = element.cloneNode(true);
  for (const one of [copy, ...copy.querySelectorAll("*")]) {
    for (const name of one.getAttributeNames()) if (/^(data-|aria-|role|tabindex|id$)/.test(name)) one.removeAttribute(name);
  }
  copy.setAttribute("aria-hidden", "true");
  copy.className = from === undefined ? "small palette-item ghost" : "strip-card ghost";
  copy.querySelector(".connector")?.remove();
  Object.assign(copy.style, { width: `${box.width}px`, height: `${box.height}px` });
  return copy;
}

/** The click that ends a drag is none. */
function swallowClick() {
  const swallow = event => {
    event.stopPropagation();
    event.preventDefault();
  };
  window.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", swallow, true));
}
