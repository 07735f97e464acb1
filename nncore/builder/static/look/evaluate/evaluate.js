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
 * training (ms), whether it has parts, and makes its elements: {fields() to ask for, show(answer, part), redraw()}. */
const VIEWS = { decision_map: decisionMapView, confusion: confusionView, predicted_vs_true: predictedVsTrueView, worst: worstView, draw: padView };
const PARTS = [["held_out", "Held out"], ["train", "Trained on"], ["all", "All"]];
const SOON = 100; // ms between two answers where nothing is trained
const MOST_CLASSES_OF_MAP = 20;

/** Put the part into `root`. */
export function mountEvaluate(root) {
  const part = new Evaluation(root);
  on("rows", () => part.renew());
  for (const topic of ["state", "frame", "tab"]) on(topic, () => part.askIfNeeded());
  on("connection", () => part.askAgain());
  on("theme", () => part.made?.redraw());
  new ResizeObserver(() => part.visible() && part.made?.redraw()).observe(part.place);
  new IntersectionObserver(entries => {
    part.seen = entries.at(-1).isIntersecting;
    part.askIfNeeded();
  }).observe(root);
  part.renew();
}

class Evaluation {
  /** `kind` is the view that is shown and `made` its elements, `part` which rows it is of and `wanted` which ones the user
   * chose, `asked` of which state of the network the last answer is; `kept` is what a view keeps when another is shown. */
  constructor(root) {
    Object.assign(this, { root, kind: null, part: null, wanted: null, made: null, asked: "", seen: false, data: "", kept: {} });
    this.choose = h("div", { class: "choose" });
    this.parts = h("div", { class: "choose" });
    this.epoch = h("p", { id: "evaluate-epoch", class: "muted small figures" });
    this.said = h("p", { id: "evaluate-refusal", class: "refusal", role: "status" });
    this.place = h("div", { id: "evaluate-view", "data-where": "kind" }, h("p", { class: "muted" }, "Reading rows of the data …"));
    this.poller = new Poller(() => this.ask(), () => this.pause());
    fill(root, h("div", { class: "evaluate-bar" }, this.choose, this.parts, this.epoch), this.said, this.place);
  }

  visible() {
    return store.tab === "evaluate" && this.seen && this.root.offsetParent !== null && !document.hidden;
  }

  /** Offer the views that suit the data; another data set begins with the one that says most about it. */
  async renew() {
    const asked = (this.renewing = Symbol("the latest"));
    const found = await dataRows().catch(() => null);
    if (!found || asked !== this.renewing) return;
    const { data } = store.state;
    const kinds = store.schema.evaluations.filter(kind => VIEWS[kind]?.suits(data, found));
    const same = this.data === data.name && kinds.includes(this.kind);
    this.data = data.name;
    this.part = data.n_held_out ? (this.wanted ?? "held_out") : this.wanted === "all" ? "all" : "train";
    const labels = kinds.map(kind => [kind, VIEWS[kind].label(data)]);
    const kind = same ? this.kind : first(kinds, data);
    fill(this.choose, marked(segments("View", labels, kind, chosen => this.show(chosen)), "view"));
    this.asked = "";
    this.show(kind);
  }

  show(kind) {
    this.kind = kind;
    const view = VIEWS[kind];
    fill(this.place);
    this.place.dataset.kind = kind;
    this.refuse("");
    setText(this.epoch, "waiting for the network's answer …");
    this.made = view.make(this.place, () => this.askAgain(), this.kept);
    fill(this.parts, view.parts && marked(this.partSwitch(), "part"));
    this.askAgain();
  }

  partSwitch() {
    const none = store.state.data.n_held_out === 0;
    return segments("Rows", none ? PARTS.slice(1) : PARTS, this.part, part => {
      this.part = this.wanted = part;
      this.askAgain();
    });
  }

  // ---- asking

  /** Ask if the network is another than it was at the last answer, and somebody looks. */
  askIfNeeded() {
    if (this.visible() && this.made && this.asked !== moment()) this.poller.want();
  }

  /** Ask although the network is the same: the question is another. */
  askAgain() {
    this.asked = "";
    this.askIfNeeded();
  }

  pause() {
    return store.state.run.playing ? VIEWS[this.kind].pause : SOON;
  }

  async ask() {
    if (!this.visible()) return;
    const { kind, part, made } = this;
    this.asked = moment();
    const fields = made.fields();
    if (fields === null) return setText(this.epoch, ""); // there is nothing to ask for yet
    try {
      const answer = await request("evaluate", { kind, ...(VIEWS[kind].parts ? { part } : {}), ...fields });
      if (made !== this.made) return;
      this.refuse("");
      setText(this.epoch, after(answer));
      made.show(answer, part);
    } catch (refusal) {
      if (made === this.made) this.refuse(refusal.message);
    }
  }

  /** Say why there is no answer; what was shown before is hidden, for it is not true any more. */
  refuse(text) {
    setText(this.said, text);
    this.place.classList.toggle("untrue", text !== "");
    if (text) setText(this.epoch, "");
  }
}

/** Return the view to begin with. */
function first(kinds, { n_features: width, classes }) {
  const map = kinds.includes("decision_map") && width <= 2 && (classes?.length ?? 0) <= MOST_CLASSES_OF_MAP;
  return map ? "decision_map" : kinds[0] === "decision_map" ? kinds[1] : kinds[0];
}

/** Give each switch the attribute that tells what it chooses: data-view, data-part. */
function marked(box, name) {
  for (const input of box.querySelectorAll("input")) input.parentElement.dataset[name] = input.value;
  return box;
}

/** Return what tells one state of the network from another. */
function moment() {
  const { frame, state } = store;
  return `${state.version} ${frame?.epoch ?? state.run.epoch} ${frame?.batch ?? state.run.batch}`;
}

function after({ epoch, batch }) {
  return batch ? `epoch ${count(epoch)}, then ${count(batch)} of ${count(store.state.run.n_batches)} batches` : `epoch ${count(epoch)}`;
}
