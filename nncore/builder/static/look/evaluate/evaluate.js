/* What the network answers: the view that suits the data, asked for again as training goes on. */

import { count } from "../../core/format.js";
import { dataRows } from "../../core/rows.js";
import { on, request, store } from "../../core/store.js";
import { fill, h, setText } from "../../ui/dom.js";
import { segments } from "../../ui/forms.js";
import { confusionView } from "./confusion.js";
import { decisionMapView } from "./decision_map.js";
import { padView } from "./pad.js";
import { Poller } from "./poller.js";
import { predictedVsTrueView } from "./predicted_vs_true.js";
import { worstView } from "./worst.js";

/** By the core's names. A view has a label, tells whether it suits the data, how long to wait between two answers while
 * training (ms), whether it has parts, what to ask for, and makes its elements: {show(answer), redraw()}. */
const VIEWS = { decision_map: decisionMapView, confusion: confusionView, predicted_vs_true: predictedVsTrueView, worst: worstView, draw: padView };
const PARTS = [["held_out", "Held out"], ["train", "Trained on"], ["all", "All"]];
const SOON = 100; // ms between two answers where nothing is trained
const MOST_CLASSES_OF_MAP = 20;

const now = { kind: null, part: null, wanted: null, made: null, asked: "", seen: false, data: "" };

/** Put the part into `root`. */
export function mountEvaluate(root) {
  const choose = h("div", { class: "choose" });
  const parts = h("div", { class: "choose" });
  const epoch = h("p", { id: "evaluate-epoch", class: "muted small figures" });
  const said = h("p", { id: "evaluate-refusal", class: "refusal", role: "status" });
  const place = h("div", { id: "evaluate-view", "data-where": "kind" });
  fill(place, h("p", { class: "muted" }, "Reading rows of the data …"));
  fill(root, h("div", { class: "evaluate-bar" }, choose, parts, epoch), said, place);
  Object.assign(now, { root, choose, parts, epoch, said, place, poller: new Poller(ask, pause) });
  on("rows", renew);
  on("state", askIfNeeded);
  on("frame", askIfNeeded);
  on("tab", askIfNeeded);
  on("connection", askAgain);
  on("theme", () => now.made?.redraw());
  new ResizeObserver(() => visible() && now.made?.redraw()).observe(place);
  new IntersectionObserver(entries => {
    now.seen = entries.at(-1).isIntersecting;
    askIfNeeded();
  }).observe(root);
  renew();
}

function visible() {
  return store.tab === "evaluate" && now.seen && now.root.offsetParent !== null && !document.hidden;
}

/** Offer the views that suit the data; another data set begins with the one that says most about it. */
async function renew() {
  const asked = (now.renewing = Symbol("the latest"));
  const found = await dataRows().catch(() => null);
  if (!found || asked !== now.renewing) return;
  const { data } = store.state;
  const kinds = store.schema.evaluations.filter(kind => VIEWS[kind]?.suits(data, found));
  const same = now.data === data.name && kinds.includes(now.kind);
  now.data = data.name;
  now.part = data.n_held_out ? (now.wanted ?? "held_out") : now.wanted === "all" ? "all" : "train";
  const labels = kinds.map(kind => [kind, VIEWS[kind].label(data)]);
  const kind = same ? now.kind : first(kinds, data);
  fill(now.choose, marked(segments("View", labels, kind, show), "view"));
  now.asked = "";
  show(kind);
}

function first(kinds, { n_features: width, classes }) {
  const map = kinds.includes("decision_map") && width <= 2 && (classes?.length ?? 0) <= MOST_CLASSES_OF_MAP;
  return map ? "decision_map" : kinds[0] === "decision_map" ? kinds[1] : kinds[0];
}

/** Give each switch the attribute that tells what it chooses: data-view, data-part. */
function marked(box, name) {
  for (const input of box.querySelectorAll("input")) input.parentElement.dataset[name] = input.value;
  return box;
}

function show(kind) {
  now.kind = kind;
  const view = VIEWS[kind];
  fill(now.place);
  now.place.dataset.kind = kind;
  refuse("");
  setText(now.epoch, "waiting for the network's answer …");
  now.made = view.make(now.place, askAgain);
  fill(now.parts, view.parts && marked(partSwitch(), "part"));
  askAgain();
}

function partSwitch() {
  const none = store.state.data.n_held_out === 0;
  return segments("Rows", none ? PARTS.slice(1) : PARTS, now.part, part => {
    now.part = now.wanted = part;
    askAgain();
  });
}

// ---- asking

/** Ask if the network is another than it was at the last answer, and somebody looks. */
function askIfNeeded() {
  if (visible() && now.made && now.asked !== state()) now.poller.want();
}

/** Return what tells one state of the network from another. */
function state() {
  const { frame, state: whole } = store;
  return `${whole.version} ${frame?.epoch ?? whole.run.epoch} ${frame?.batch ?? whole.run.batch}`;
}

function pause() {
  return store.state.run.playing ? VIEWS[now.kind].pause : SOON;
}

async function ask() {
  if (!visible()) return;
  const { kind, part, made } = now;
  now.asked = state();
  const fields = VIEWS[kind].fields();
  if (fields === null) return setText(now.epoch, ""); // there is nothing to ask for yet
  try {
    const answer = await request("evaluate", { kind, ...(VIEWS[kind].parts ? { part } : {}), ...fields });
    if (made !== now.made) return;
    refuse("");
    setText(now.epoch, after(answer));
    made.show(answer, part);
  } catch (refusal) {
    if (made === now.made) refuse(refusal.message);
  }
}

/** Say why there is no answer; what was shown before is hidden, for it is not true any more. */
function refuse(text) {
  setText(now.said, text);
  now.place.classList.toggle("untrue", text !== "");
  if (text) setText(now.epoch, "");
}

/** Ask although the network is the same: the question is another. */
function askAgain() {
  now.asked = "";
  askIfNeeded();
}

function after({ epoch, batch }) {
  return batch ? `epoch ${count(epoch)}, then ${count(batch)} of ${count(store.state.run.n_batches)} batches` : `epoch ${count(epoch)}`;
}
