/* The part below the network: explain one batch, evaluate, and the doctor, each on a tab. */

import { emit, store } from "../core/store.js";
import { fill, h } from "../ui/dom.js";
import { mountEvaluate } from "./evaluate/evaluate.js";
import { mountExplain } from "./explain/explain.js";
import { mountDoctor } from "./doctor/doctor.js";

const TABS = [
  ["evaluate", "Evaluate", mountEvaluate],
  ["explain", "Explain one batch", mountExplain],
  ["doctor", "Doctor", mountDoctor],
];

/** Put the part into `root`; `drawing` shows what is explained. */
export function mountLook(root, drawing) {
  const tab = ([name, text]) =>
    h("button", { role: "tab", type: "button", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => showTab(name) }, text);
  const panel = ([name]) => h("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` });
  const list = h("div", { role: "tablist", "aria-label": "Look closer", onkeydown: walk }, TABS.map(tab));
  fill(root, h("h2", { id: "look-title", class: "unseen" }, "Look closer"), list, TABS.map(panel));
  showTab("evaluate");
  for (const [name, , mount] of TABS) mount(document.getElementById(`panel-${name}`), drawing);
}

/** Show one tab: "explain", "evaluate" or "doctor". `store.tab` says which one it is; topic "tab". */
function showTab(name) {
  store.tab = name;
  for (const [other] of TABS) {
    const chosen = other === name;
    const tab = document.getElementById(`tab-${other}`);
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(`panel-${other}`).hidden = !chosen;
  }
  emit("tab");
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const now = TABS.findIndex(([name]) => name === store.tab);
  const [next] = TABS[(now + step + TABS.length) % TABS.length];
  showTab(next);
  document.getElementById(`tab-${next}`).focus();
}
