/* Messages at the edge of the page: seen, said aloud, and gone by themselves. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

const SECONDS = { information: 12, mistake: 30 };
const MOST = 3;
const QUIET = 5000; // ms between two announcements while training
const PLACES = ["bar", "bottom left", "bottom right", "top left", "top right"]; // in the bar they hide nothing
const LEAST_ROOM = 380; // of the bar, in pixels
const MOST_ROOM = 760;

const page = { live: null, box: null, bar: null }; // the elements that messages are put into, and the bar above them
const inSight = new Set(); // what no message may hide

const seldom = { said: "", next: "", timer: null }; // of what changes all the time; the next when the quiet time ends

/** Have messages shown in `box` and said by `live`; in `bar`, between its buttons, they hide nothing. */
export function mountNotices({ live, box, bar }) {
  Object.assign(page, { live, box, bar });
  for (const type of ["focusin", "scroll", "resize"]) window.addEventListener(type, soon, { passive: true });
}

/** Have messages never hide an element. */
export function keepInSight(element) {
  inSight.add(element);
}

/** Say something to those who listen rather than look. */
export function announce(text) {
  fill(page.live, text);
}

/** The same, for what changes all the time: at most every five seconds, and at the end of those what is true then. */
export function announceSeldom(text) {
  seldom.next = text;
  if (seldom.timer === null) sayNow();
}

function sayNow() {
  seldom.timer = null;
  if (!seldom.next) return;
  Object.assign(seldom, { said: seldom.next, next: "" });
  announce(seldom.said);
  seldom.timer = setTimeout(sayNow, QUIET);
}

/** Take back a text that is no longer true; by default what was announced seldom, and what would have followed it. */
export function unsay(text = seldom.said) {
  if (text === seldom.said) seldom.next = "";
  if (page.live.textContent === text) announce("");
}

/** Show a text at the edge of the page, and say it. It goes by itself, but not while it is pointed at or has the focus.
 * `action` is what it offers to do: {label, run}. */
export function notice(text, kind = "information", action = null) {
  const { box } = page;
  for (const old of [...box.children]) if (old.dataset.text === text) old.remove();
  if (!box.children.length) put(box, PLACES[0]);
  box.append(made(text, kind, action));
  while (box.children.length > MOST) box.firstChild.remove();
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover(); // above a dialog that is open, too
  stepAside();
  announce(text);
}

/** Take all of them away, and what was said. */
export function clearNotices() {
  page.box.replaceChildren();
  seldom.next = "";
  announce("");
}

function made(text, kind, action) {
  let before = null; // what had the focus
  const close = () => {
    const had = shown.contains(document.activeElement);
    shown.remove();
    if (had) before?.focus({ preventScroll: true });
  };
  const doing = action && h("button", { class: "small", type: "button", onclick: () => (close(), action.run()) }, action.label);
  const button = h("button", { class: "plain", type: "button", "aria-label": "Close this message", onclick: close }, icon("close"));
  const shown = h("div", { class: `notice ${kind}`, "data-text": text, onkeydown: event => event.key === "Escape" && close() },
    icon(kind === "mistake" ? "warning" : "information"), h("p", {}, text), doing, button);
  shown.addEventListener("focusin", event => (before ??= event.relatedTarget));
  goLater(shown, 1000 * SECONDS[kind]);
  return shown;
}

/** Take an element away after a while; the while begins anew when it is neither pointed at nor focused any longer. */
function goLater(element, wait) {
  let timer;
  const hold = () => clearTimeout(timer);
  const begin = () => {
    hold();
    timer = setTimeout(() => element.remove(), wait);
  };
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, hold);
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, begin);
  begin();
}

/** Put the messages into another place where they hide what has the focus or the button that trains. Where none is free,
 * on a narrow screen, what has got the focus by the keyboard comes out from under them. */
export function stepAside(event) {
  const { box } = page;
  if (!box.children.length) return;
  const free = [box.dataset.place, ...PLACES].find(place => {
    if (!put(box, place)) return false;
    return !kept().some(element => overlap(element.getBoundingClientRect(), box.getBoundingClientRect()));
  });
  if (free) return;
  put(box, PLACES[1]);
  if (event?.type === "focusin" && event.target.matches(":focus-visible")) event.target.scrollIntoView({ block: "center" });
}

/** Put the box into a place; return whether there is room for it. */
function put(box, place) {
  box.dataset.place = place;
  const space = page.bar.querySelector(".space")?.getBoundingClientRect();
  const inBar = place === "bar";
  if (inBar && !(space?.width >= LEAST_ROOM)) return false;
  const width = inBar && Math.min(MOST_ROOM, space.width - 16);
  box.style.width = inBar ? `${width}px` : "";
  box.style.left = inBar ? `${space.left + (space.width - width) / 2}px` : "";
  return true;
}

/** Return what must stay in sight. */
function kept() {
  const active = document.activeElement;
  const focused = active === document.body || page.box.contains(active) || active.clientHeight > innerHeight / 2 ? null : active;
  return [focused, ...inSight, ...page.bar.querySelectorAll("[role=status]")].filter(element => element && element.offsetParent !== null);
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

let due = false;

function soon(event) {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    stepAside(event);
  });
}
