/* What the keys do, the list of it, and the switch that turns single letters off. */

import { store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { h } from "../ui/dom.js";

/** Key, what it does in words, and the button that it presses: key and button never differ. */
const KEYS = [
  ["t", "Train, or pause", "train"],
  ["b", "Step one batch", "batch"],
  ["e", "Step one epoch", "epoch"],
  ["r", "Reset: the same first weights", "reset"],
  ["n", "New seed: other first weights", "seed"],
  ["l", "Loss on a logarithmic axis, or not", "log"],
  ["?", "Show these keys", "keys"],
];

const WITH_CONTROL = [
  ["z", false, "undo"],
  ["z", true, "redo"],
  ["y", false, "redo"],
];

const ELSEWHERE = [
  ["Ctrl+Z, Ctrl+Shift+Z", "Undo, redo, with the weights"],
  ["←, →", "In the network: the card before or after"],
  ["Alt+←, Alt+→", "Move the card"],
  ["↑, ↓", "One unit more or fewer; with Shift ten"],
  ["Insert, Delete", "Put a layer in after the card (the last one stays last); take the card out"],
  ["Enter", "To the settings of the card"],
  ["←, →, ↑, ↓", "In the drawing: the layer before or after, its nodes and edges; Enter selects the layer"],
  ["Space, Shift+Space", "In Explain: the next beat, the one before"],
];

/** Begin to listen. `buttons` are the elements that letters press, by the names in `KEYS`; they count where no text is
 * being written. */
export function listenToKeys(buttons) {
  document.addEventListener("keydown", event => {
    const [at] = event.composedPath(); // of a page in a shadow root, too
    if (event.defaultPrevented || store.connection === "unauthorized" || at.closest?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea, dialog")) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      const found = WITH_CONTROL.find(([letter, shift]) => letter === key && shift === event.shiftKey);
      if (found) run(event, () => act(found[2]));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !lettersOn()) return;
    const found = KEYS.find(([letter]) => letter === key);
    if (found && !event.repeat) run(event, () => buttons[found[2]].click());
  });
}

function run(event, work) {
  event.preventDefault();
  work();
}

function lettersOn() {
  return localStorage.getItem("letters") !== "off";
}

/** Open the list of keys. */
export function showKeys() {
  const one = key => h("kbd", {}, key.length === 1 ? key.toUpperCase() : key);
  const row = ([keys, text]) => h("tr", {}, h("td", {}, keys.split(", ").map(one)), h("td", {}, text));
  const on = h("input", { type: "checkbox", checked: lettersOn(), onchange: () => localStorage.setItem("letters", on.checked ? "on" : "off") });
  const dialog = h(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title", onclose: () => dialog.remove() },
    h("h2", { id: "keys-title" }, "Keys"),
    h("table", {}, h("tbody", {}, [...KEYS, ...ELSEWHERE].map(row))),
    h("label", { class: "check" }, on, "Single letters act"),
    h("form", { method: "dialog" }, h("button", { class: "main" }, "Close"))
  );
  document.body.append(dialog);
  dialog.showModal();
}
