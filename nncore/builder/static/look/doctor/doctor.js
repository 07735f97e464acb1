/* What the doctor finds in the run: what was seen, why it matters, what to try; and a change at a click. */

import { capital, counted, words } from "../../core/format.js";
import { on, request, select, stateOf, store } from "../../core/store.js";
import { act } from "../../ui/actions.js";
import { fill, h, reducedMotion, setText } from "../../ui/dom.js";
import { focusedWithin } from "../../ui/focus.js";
import { button } from "../../ui/forms.js";
import { icon } from "../../ui/icons.js";
import { announce } from "../../ui/notices.js";
import { showPane } from "../../ui/panes.js";

const SECONDS_BETWEEN = 3; // two questions while training
const PATIENCE = 250; // ms after a change, as several may follow each other

/** How grave a finding is: word and drawing, as colour alone says nothing. */
const GRAVE = { severe: ["Severe", "warning"], warning: ["Warning", "warning"], hint: ["Hint", "information"] };

/** Put the part into `root`. `rename` is told how many findings its tab is to name, `network` is the element of the
 * network, which "Show me" leads to. */
export function mountDoctor(root, { rename, network }) {
  const doctor = new Doctor(root, { rename, network });
  on("tab", () => doctor.visible() && doctor.ask());
  on("state", () => !store.state.run.playing && doctor.soon());
  on("frame", () => doctor.seldom());
  doctor.soon();
}

class Doctor {
  constructor(root, page) {
    Object.assign(this, page, { asked: -Infinity, busy: false, waiting: null, shown: "", epochs: 0, applied: new Map() });
    this.summary = h("p", { class: "muted figures", id: "doctor-summary", tabindex: -1 });
    this.list = h("div", { id: "doctor-findings" });
    fill(root, this.summary, this.list);
  }

  visible() {
    return store.tab === "doctor" && this.list.offsetParent !== null;
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), PATIENCE);
  }

  seldom() {
    if (store.state.run.playing && this.visible() && !this.busy && performance.now() - this.asked > 1000 * SECONDS_BETWEEN) this.ask();
  }

  async ask() {
    this.asked = performance.now();
    this.busy = true; // an epoch may take longer than the time between two questions, and answers wait for its end
    try {
      this.show(await request("doctor"));
    } catch (refusal) {
      setText(this.summary, refusal.message);
    }
    this.busy = false;
  }

  show(answer) {
    const { epochs, findings, not_recorded: missing } = answer;
    this.rename(findings.length);
    const unknown = missing.length ? ` Not recorded, and so not judged: ${missing.join(", ")}.` : "";
    const found = findings.length ? counted(findings.length, "finding") : epochs ? "Nothing to report" : "Nothing to judge yet";
    setText(this.summary, `${found} after ${counted(epochs, "epoch")}.${unknown}`);
    this.epochs = epochs;
    const { version } = store.state; // of another edit, or of a run that began and perhaps diverged: it is judged anew
    for (const [rule, at] of this.applied) if (at.version !== version || at.epochs !== epochs) this.applied.delete(rule);
    const now = JSON.stringify([findings, [...this.applied]]);
    if (now === this.shown) return;
    this.shown = now;
    const focus = this.focused();
    fill(this.list, findings.map(finding => this.card(finding)));
    if (focus) (this.list.querySelector(focus.action) ?? this.list.querySelector(focus.card) ?? this.summary).focus();
  }

  /** Return how to find again what has the focus, as the cards are made anew. */
  focused() {
    const action = focusedWithin(this.list)?.closest("[data-action]");
    if (!action) return null;
    const card = `[data-finding="${action.closest("[data-finding]").dataset.finding}"]`;
    return { card, action: `${card} [data-action="${action.dataset.action}"]:enabled` };
  }

  card(finding) {
    const [word, drawing] = GRAVE[finding.severity] ?? [words(finding.severity), "information"];
    const title = words(finding.rule);
    return h(
      "article",
      { class: `card finding ${finding.severity}`, "data-finding": finding.rule, tabindex: -1, "aria-label": `${word}: ${title}` },
      h("header", {}, icon(drawing), h("span", { class: "severity" }, word), h("h3", {}, capital(title)), finding.layer ? h("span", { class: "chip" }, finding.layer) : null),
      h("dl", {}, row("Seen", finding.seen), row("Why", finding.why), row("Try", finding.remedy)),
      this.actions(finding)
    );
  }

  actions(finding) {
    const show = finding.layer ? button("Show me", "show", () => showLayer(finding.layer, this.network), { kind: "small" }) : null;
    if (show) show.dataset.action = "show";
    const fix = finding.fix ? button(`Apply: ${finding.fix}`, "good", () => this.apply(finding.rule), { kind: "small" }) : null;
    if (fix) fix.dataset.action = "fix";
    const applied = this.applied.has(finding.rule);
    if (fix) fix.disabled = applied;
    const text = applied ? "Applied. It is judged anew when the training goes on; Ctrl+Z undoes it." : "Ctrl+Z undoes it.";
    return h("div", { class: "field", "data-where": "finding" }, h("div", { class: "buttons" }, show, fix, fix || applied ? h("span", { class: "muted small" }, text) : null));
  }

  async apply(rule) {
    const card = this.list.querySelector(`[data-finding="${rule}"]`);
    const result = await act("apply_fix", { finding: rule }, { root: card, where: "finding" });
    if (result === null) return;
    await stateOf(result.edits);
    this.applied.set(rule, { epochs: this.epochs, version: store.state.version });
    announce("Applied. Control Z undoes it.");
    this.soon();
  }
}

function row(title, text) {
  return [h("dt", {}, title), h("dd", {}, text)];
}

/** Select the card of a layer, which for one inside a group is the group's, and bring it into view. */
function showLayer(name, network) {
  const number = store.state.names.indexOf(name);
  const index = store.state.shapes.findLastIndex(shape => shape.number <= number);
  if (number < 0 || index < 0) return announce(`${name} is no longer in the network.`);
  select(index);
  showPane("network");
  network.scrollIntoView({ behavior: reducedMotion() ? "auto" : "smooth", block: "nearest" });
  network.focus({ preventScroll: true });
  announce(`${name} is selected in the network.`);
}
