/* Dragging cards to other places, and kinds of the palette into the strip: by mouse, pen or finger.
 *
 * A finger drags a card by its grip, so that elsewhere it still moves the strip. Escape gives up. */

import { store } from "../core/store.js";
import { h } from "../ui/dom.js";
import { announce } from "../ui/notices.js";
import { insertKind, move } from "./edits.js";
import { stripParts } from "./strip.js";

const FAR_ENOUGH = 5; // px, for a press to become a drag
const EDGE = 48; // px at the ends of the strip within which it moves by itself
const FASTEST = 14; // px a picture
const AROUND = 56; // px beyond the strip that still count as being over it

let drag = null;

/** Let the cards of the strip, and the items of `palette`, be dragged. */
export function mountDrag(palette) {
  const { strip, row } = stripParts();
  row.append(h("div", { class: "insertion-mark", hidden: true, "aria-hidden": true }));
  strip.addEventListener("pointerdown", event => {
    const card = event.target.closest(".layer-card");
    const held = event.pointerType !== "touch" || event.target.closest(".grip");
    if (card && held && !event.target.closest(".step")) press(event, card, { from: Number(card.dataset.index) });
  });
  palette.addEventListener("pointerdown", event => {
    const item = event.target.closest("[data-palette]");
    if (item) press(event, item, { kind: item.dataset.palette });
  });
}

function press(event, element, what) {
  if (event.button !== 0 || drag) return;
  const box = element.getBoundingClientRect();
  const start = [event.clientX, event.clientY];
  drag = { ...what, element, box, pointer: event.pointerId, start, at: start, moving: false, slot: null, layers: layersText() };
  for (const [type, listener] of LISTENERS) window.addEventListener(type, listener, true);
}

const LISTENERS = [["pointermove", moved], ["pointerup", released], ["pointercancel", cancelled], ["keydown", keyed]];

function layersText() {
  return JSON.stringify(store.state.layers);
}

function moved(event) {
  if (event.pointerId !== drag.pointer) return;
  drag.at = [event.clientX, event.clientY];
  if (!drag.moving && Math.hypot(drag.at[0] - drag.start[0], drag.at[1] - drag.start[1]) > FAR_ENOUGH) begin();
  if (drag.moving) follow();
}

function begin() {
  drag.moving = true;
  drag.element.setPointerCapture(drag.pointer); // so that letting go outside of the window is heard, too
  drag.ghost = ghostOf(drag);
  document.body.append(drag.ghost);
  document.body.classList.add("dragging");
  if (drag.from !== undefined) drag.element.classList.add("lifted");
  drag.picture = requestAnimationFrame(roll);
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

function follow() {
  const [x, y] = [0, 1].map(i => drag.at[i] - drag.start[i]);
  drag.ghost.style.transform = `translate(${drag.box.left + x}px, ${drag.box.top + y}px)`;
  showMark();
}

/** Show where the card would go; null is nowhere, or where it is already. */
function showMark() {
  const { strip, row } = stripParts();
  const mark = row.querySelector(".insertion-mark");
  const cards = [...strip.querySelectorAll(".layer-card")].map(card => card.getBoundingClientRect());
  drag.slot = overStrip() ? cards.filter(box => box.left + box.width / 2 < drag.at[0]).length : null;
  if (drag.from !== undefined && (drag.slot === drag.from || drag.slot === drag.from + 1)) drag.slot = null;
  mark.hidden = drag.slot === null;
  if (mark.hidden) return;
  const gap = cards.length > 1 ? cards[1].left - cards[0].right : 20;
  const edge = drag.slot === 0 ? cards[0].left - gap / 2 : cards[drag.slot - 1].right + gap / 2;
  mark.style.left = `${edge - row.getBoundingClientRect().left}px`;
}

function overStrip() {
  const box = stripParts().scroller.getBoundingClientRect();
  const [x, y] = drag.at;
  return x > box.left - AROUND && x < box.right + AROUND && y > box.top - AROUND / 2 && y < box.bottom + AROUND;
}

/** While something is held at an end of the strip, the strip moves. */
function roll() {
  if (!drag?.moving) return;
  drag.picture = requestAnimationFrame(roll);
  const { scroller } = stripParts();
  const box = scroller.getBoundingClientRect();
  if (!overStrip()) return;
  const speed = distance => FASTEST * Math.min(1, Math.max(0, (EDGE - distance) / EDGE));
  const by = speed(box.right - drag.at[0]) - speed(drag.at[0] - box.left);
  const before = scroller.scrollLeft;
  if (by) scroller.scrollLeft += by;
  if (scroller.scrollLeft !== before) showMark();
}

function released(event) {
  if (event.pointerId !== drag.pointer) return;
  const { moving, slot, from, kind, layers } = drag;
  if (moving) swallowClick();
  end();
  if (!moving || slot === null) return;
  if (layers !== layersText()) return announce("The network was changed meanwhile; nothing was moved");
  if (kind) insertKind(kind, slot);
  else move(from, slot > from ? slot - 1 : slot);
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

function cancelled(event) {
  if (event.pointerId === drag.pointer) end();
}

function keyed(event) {
  if (event.key !== "Escape" || !drag.moving) return;
  event.preventDefault();
  event.stopPropagation();
  swallowClick();
  end();
  announce("Not moved");
}

function end() {
  for (const [type, listener] of LISTENERS) window.removeEventListener(type, listener, true);
  cancelAnimationFrame(drag.picture);
  drag.ghost?.remove();
  drag.element.classList.remove("lifted");
  document.body.classList.remove("dragging");
  stripParts().row.querySelector(".insertion-mark").hidden = true;
  drag = null;
}
