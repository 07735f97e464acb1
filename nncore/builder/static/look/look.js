/* The part below the network: explain one batch, evaluate, and the doctor, each on a tab. */

import { emit, on, store } from "../core/store.js";
import { fill, h, setText } from "../ui/dom.js";
import { keepInSight } from "../ui/notices.js";
import { mountEvaluate } from "./evaluate/evaluate.js";
import { mountExplain } from "./explain/explain.js";
import { mountDoctor } from "./doctor/doctor.js";

const TABS = [
  ["evaluate", "Evaluate", mountEvaluate],
  ["explain", "Explain one batch", mountExplain],
  ["doctor", "Doctor", mountDoctor],
];

/** Put the part into `root`. `page` has the network's element and drawing, which two of the tabs show things in. */
export function mountLook(root, page) {
  const tabs = TABS.map(([name, text]) =>
    h("button", { role: "tab", type: "button", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => showTab(name) }, text));
  const panels = TABS.map(([name]) => h("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }));
  const list = h("div", { role: "tablist", "aria-label": "Look closer", onkeydown: event => walk(event, tabs) }, tabs);
  keepInSight(list);
  fill(root, h("h2", { id: "look-title", class: "unseen" }, "Look closer"), list, panels);
  on("tab", () => mark(tabs, panels));
  showTab("evaluate");
  TABS.forEach(([, text, mount], i) => {
    const rename = more => setText(tabs[i], more ? `${text} (${more})` : text);
    mount(panels[i], { ...page, rename });
  });
}

/** Show one tab: "explain", "evaluate" or "doctor". */
function showTab(name) {
  store.tab = name;
  emit("tab");
}

function mark(tabs, panels) {
  TABS.forEach(([name], i) => {
    const chosen = name === store.tab;
    tabs[i].setAttribute("aria-selected", String(chosen));
    tabs[i].tabIndex = chosen ? 0 : -1;
    panels[i].hidden = !chosen;
  });
}

function walk(event, tabs) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = (TABS.findIndex(([name]) => name === store.tab) + step + TABS.length) % TABS.length;
  showTab(TABS[next][0]);
  tabs[next].focus();
}
