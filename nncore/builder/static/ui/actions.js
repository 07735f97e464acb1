/* Doing things: a request, and what came of it shown where it belongs.
 *
 * Controls carry data-where, the dotted path of what they set ("layers[2].units"). A refusal is shown under the
 * control whose path is the longest that leads to the refusal's; where there is none, as a notice.
 */

import { Refusal } from "../core/connection.js";
import { request, stateOf, store } from "../core/store.js";
import { h, unique } from "./dom.js";
import { treeInUse } from "./focus.js";
import { icon } from "./icons.js";
import { clearNotices, notice } from "./notices.js";

const onTheirWay = new Set(); // edits of this page whose state has not come yet

/** Ask the server to do something. Return its result, or null if it was refused, which the page then shows.
 *
 * `root` is the element in which the control is looked for first, `where` overrides the path of the refusal. */
export async function act(type, fields = {}, { root = treeInUse(), where = null } = {}) {
  clearMistakes(root);
  try {
    const result = await settled(request(type, fields));
    if (result?.messages) tellEdit(result.messages);
    return result;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal; // a mistake of the page is not the user's
    showMistake(root, where ?? refusal.where ?? "", refusal.message);
    return null;
  }
}

/** Keep in mind what was asked until the state that it leads to is there; return its result at once. */
function settled(answer) {
  const landed = answer.then(result => result?.edits && stateOf(result.edits)).catch(() => {});
  onTheirWay.add(landed);
  landed.finally(() => onTheirWay.delete(landed));
  return answer;
}

/** Undo or redo. It names the state that it means, with all that this page has changed: if another page has changed
 * something since, the server refuses. */
export async function travel(type) {
  await Promise.all(onTheirWay);
  return act(type, { edits: store.state.edits });
}

/** Show what an edit reports. What was said of the network before is of no use any more, so it goes. */
export function tellEdit(messages) {
  clearNotices();
  if (messages.length) notice(messages.map(message => message.replace(/\.$/, "")).join("; "));
}

/** Show what is wrong at the control that it is about. */
export function showMistake(root, where, message) {
  const control = controlFor(root, where) ?? (root === document ? null : controlFor(document, where));
  if (!control) return notice(message, "mistake");
  showMistakeAt(control, message);
}

/** Show what is wrong below a control, or below the field that it is in. */
export function showMistakeAt(control, message) {
  const place = control.closest(".field") ?? control;
  place.querySelector(":scope > .mistake")?.remove();
  const text = h("p", { class: "mistake", id: unique("mistake"), role: "alert" }, icon("warning"), message);
  place.append(text);
  text.classList.toggle("leftwards", text.getBoundingClientRect().right > document.documentElement.clientWidth);
  const input = control.matches("input, select, textarea, button") ? control : control.querySelector("input:not([type=range]), select, textarea");
  input?.setAttribute("aria-invalid", "true");
  input?.setAttribute("aria-describedby", text.id);
}

/** Take away what `showMistake` showed. A number that was refused goes with the reason: the one in force is back. */
export function clearMistakes(root = document) {
  for (const text of root.querySelectorAll(".mistake[role=alert]")) {
    const input = root.querySelector(`[aria-describedby="${text.id}"]`);
    input?.removeAttribute("aria-invalid");
    input?.removeAttribute("aria-describedby");
    if (input && "last" in input.dataset) input.value = input.dataset.last;
    text.remove();
  }
}

function controlFor(root, where) {
  if (!where) return null;
  const controls = [...root.querySelectorAll("[data-where]")].filter(control => control.offsetParent !== null);
  const leads = control => where === control.dataset.where || /^[.[]/.test(where.slice(control.dataset.where.length));
  return controls
    .filter(control => where.startsWith(control.dataset.where) && leads(control))
    .sort((a, b) => b.dataset.where.length - a.dataset.where.length)[0];
}

/** Have the browser save a file. */
export function save(name, mediaType, content) {
  const address = URL.createObjectURL(new Blob([content], { type: mediaType }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
