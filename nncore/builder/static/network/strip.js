/* The strip of cards: a list box whose options can be rearranged (WAI-ARIA Authoring Practices). */

import { count, counted, words } from "../core/format.js";
import { choose, chooseQuietly, chosen, matched, nameOf, whereOf } from "../core/paths.js";
import { on, store } from "../core/store.js";
import { fill, h, reducedMotion, setText, svg } from "../ui/dom.js";
import { focusedWithin, treeInUse } from "../ui/focus.js";
import { announce } from "../ui/notices.js";
import { insertKindAfterChosen, moveChosen, removeChosen, stepUnits, takeWish, wantedUnits } from "./edits.js";
import { showGradients } from "./gradient_bars.js";
import { cardContent, cardLabel } from "./layer_card.js";

const GLIDE = 150; // ms
const KEYS = "Alt+ArrowLeft Alt+ArrowRight Insert Delete Enter ArrowUp ArrowDown";
const HELP =
  "Left and right arrows go from card to card. With Alt they move the card. Insert adds a layer after " +
  "it (the last card stays last), Delete removes it, up and down change its units, Enter goes to its settings.";

const WITH_ALT = {
  ArrowLeft: () => moveChosen(-1, true),
  ArrowRight: () => moveChosen(1, true),
};

const ALONE = {
  ArrowLeft: ({ strip, path }) => strip.goTo(path[0] - 1),
  ArrowRight: ({ strip, path }) => strip.goTo(path[0] + 1),
  Home: ({ strip }) => strip.goTo(0),
  End: ({ strip }) => strip.goTo(store.state.layers.length - 1),
  ArrowUp: ({ strip, path, event }) => strip.changeUnits(path, event.shiftKey ? 10 : 1),
  ArrowDown: ({ strip, path, event }) => strip.changeUnits(path, event.shiftKey ? -10 : -1),
  Insert: () => insertKindAfterChosen(Object.keys(store.schema.layers)[0]),
  Delete: () => removeChosen(true),
  Backspace: () => removeChosen(true),
  Enter: ({ strip }) => strip.toForm(),
};

/** Put the strip into `root`; `toForm` moves the focus to the settings of the selected card. */
export function mountStrip(root, toForm) {
  const strip = new Strip(root, toForm);
  on("state", () => strip.showState());
  on("select", () => strip.showSelected());
  on("frame", () => strip.showFrame());
  on("pane", () => strip.showFrame()); // of what came while it was hidden
  on("units", () => strip.showUnits());
  on("refused", () => strip.showRefusal());
  strip.showState();
  return strip;
}

/** `list` holds the cards; it lies in `row` between input and output, and that in `scroller`. */
class Strip {
  constructor(root, toForm) {
    Object.assign(this, { root, toForm, shown: { layers: [], selected: null } }); // what the cards are of
    const aria = { "aria-label": "Layers, from input to output", "aria-orientation": "horizontal", "aria-describedby": "strip-help" };
    this.list = h("div", { id: "strip", role: "listbox", ...aria });
    this.input = h("div", { class: "end strip-card", id: "strip-input" });
    this.output = h("div", { class: "end strip-card", id: "strip-output" });
    this.refusal = h("div", { class: "strip-refusal", onclick: () => fill(this.refusal) });
    this.row = h("div", { class: "strip-row" }, this.input, this.list, this.output);
    this.scroller = h("div", { class: "strip-scroll", "data-where": "layers" }, this.row);
    fill(root, h("p", { id: "strip-help", class: "unseen" }, HELP), this.scroller, this.refusal);
    this.listen();
  }

  cards() {
    return [...this.list.querySelectorAll(":scope > .layer-card")];
  }

  /** Show what was refused below the strip, over what is there: so no card changes its size. What was announced before is of
   * another edit. */
  showRefusal() {
    const text = this.root.querySelector(":is(.layer-card, .strip-scroll) > .mistake");
    if (!text) return;
    const card = text.closest(".layer-card");
    fill(this.refusal, text);
    if (card) this.intoView(card);
    announce("");
  }

  /** Move the focus to the selected card. */
  focusCard() {
    const path = chosen();
    const card = path && this.cards()[path[0]];
    card?.focus({ preventScroll: isSeen(card) });
  }

  // ---- showing

  showState() {
    const { layers } = store.state;
    const wish = takeWish(store.state);
    const order = wish?.order ?? matched(this.shown.layers, layers);
    const hadFocus = focusedWithin(this.list) !== null;
    const old = this.cards();
    const places = new Map([...old, this.output].map(card => [card, card.getBoundingClientRect().left]));
    const now = order.map(from => (from === null ? newCard() : old[from]));
    this.arrange(old, now);
    this.showEnds();
    now.forEach(showCard);
    if (JSON.stringify(layers) !== JSON.stringify(this.shown.layers)) fill(this.refusal);
    const selectedBefore = this.shown.selected;
    this.shown = { layers, selected: store.selected };
    this.reselect(wish, order, selectedBefore);
    this.showSelected();
    const wanted = wish?.focus && this.list.getRootNode() === treeInUse();
    if (wanted || (hadFocus && !focusedWithin(this.list))) this.focusCard();
    if (old.length) this.glide([...now, this.output], places);
    this.showFrame();
  }

  /** Move no more cards than must be: what is moved in the page loses the focus. */
  arrange(old, now) {
    for (const card of old) if (!now.includes(card)) card.remove();
    now.forEach((card, i) => this.list.children[i] !== card && this.list.insertBefore(card, this.list.children[i] ?? null));
  }

  /** Keep the selection at the layer that it was at, wherever that is now, or take it to where the edit wants it. */
  reselect(wish, order, selectedBefore) {
    if (wish?.chosen) return chooseQuietly(wish.chosen);
    if (selectedBefore === null) return;
    const now = order.indexOf(selectedBefore);
    const inner = store.selected === selectedBefore ? chosen().slice(1) : [];
    if (now >= 0 && now !== store.selected) chooseQuietly([now, ...inner]);
    else if (now < 0 && store.state.layers.length) chooseQuietly([Math.min(selectedBefore, store.state.layers.length - 1)]);
  }

  showEnds() {
    const { data, training } = store.state;
    const about = data.image ? `${data.image} × ${data.image} pixels` : data.title;
    const line = (text, attributes = {}) => h("span", { class: "muted small", ...attributes }, text);
    const width = h("span", { class: "figures" }, counted(data.n_features, "input"));
    fill(this.input, h("strong", {}, "Input"), width, line(about, { title: data.features.slice(0, 64).join(", ") }));
    const what = data.classes?.length ? counted(data.classes.length, "class", "classes") : data.target ?? "";
    fill(this.output, connector(), h("strong", {}, "Output"), h("span", { class: "figures", title: data.target }, what), line(words(training.loss_name), { title: "The loss" }));
  }

  showSelected() {
    const path = chosen();
    this.cards().forEach((card, index) => {
      const selected = path?.[0] === index;
      card.setAttribute("aria-selected", String(selected));
      card.tabIndex = selected || (!path && index === 0) ? 0 : -1;
      for (const part of card.querySelectorAll("[data-path]")) part.classList.toggle("chosen", selected && part.dataset.path === path.join("."));
      if (selected && this.shown.selected !== index) this.intoView(card);
    });
    this.shown.selected = store.selected;
  }

  intoView(card) {
    const { scroller } = this;
    const [outer, inner] = [scroller.getBoundingClientRect(), card.getBoundingClientRect()];
    const by = inner.left < outer.left + 8 ? inner.left - outer.left - 40 : Math.max(0, inner.right - outer.right + 40);
    if (by) scroller.scrollBy({ left: by, behavior: reducedMotion() ? "auto" : "smooth" });
  }

  /** Let cards glide from where they were (FLIP: they are at their new place already, and are shown at the old one). */
  glide(moved, places) {
    if (reducedMotion() || this.list.offsetParent === null) return;
    for (const card of moved) {
      const by = places.has(card) ? places.get(card) - card.getBoundingClientRect().left : null;
      if (by === null) card.animate([{ opacity: 0, transform: "scale(.92)" }, { opacity: 1, transform: "none" }], { duration: GLIDE, easing: "ease-out" });
      else if (Math.abs(by) > 1) card.animate([{ transform: `translateX(${by}px)` }, { transform: "none" }], { duration: GLIDE, easing: "ease-out" });
    }
  }

  showFrame() {
    if (this.list.offsetParent === null) return;
    const warnings = showGradients(this.list);
    this.cards().forEach((card, index) => {
      const warning = warnings[card.dataset.name] ?? Object.values(pick(warnings, card))[0] ?? "";
      if (card.dataset.warning === warning) return;
      card.dataset.warning = warning;
      card.setAttribute("aria-label", cardLabel(index) + (warning && `, gradient ${warning}`));
    });
  }

  // ---- pointer and keys

  listen() {
    const { list } = this;
    list.addEventListener("click", event => this.clicked(event));
    list.addEventListener("dblclick", event => event.target.closest(".layer-card") && !event.target.closest(".step") && this.toForm());
    list.addEventListener("keydown", event => this.pressed(event));
    list.addEventListener("focusin", event => focused(event.target));
  }

  clicked(event) {
    const card = event.target.closest(".layer-card");
    if (!card) return;
    const step = event.target.closest(".step");
    if (step) return this.changeUnits([Number(card.dataset.index)], Number(step.dataset.step) * (event.shiftKey ? 10 : 1));
    const part = event.target.closest("[data-path]");
    choose(part ? part.dataset.path.split(".").map(Number) : [Number(card.dataset.index)]);
  }

  changeUnits(path, by) {
    if (stepUnits(path, by) !== null) this.showUnits();
  }

  /** Show the units that layers have, or will have after the steps on their way; a refusal takes those back. */
  showUnits() {
    for (const place of this.list.querySelectorAll("[data-units]")) {
      const path = place.closest("[data-path], .layer-card").dataset;
      setText(place, count(wantedUnits((path.path ?? path.index).split(".").map(Number))));
    }
  }

  pressed(event) {
    const card = event.target.closest(".layer-card");
    if (!card || event.ctrlKey || event.metaKey) return;
    focused(card); // another part of the page may have selected another card
    const path = chosen();
    const work = event.altKey ? WITH_ALT[event.key] : ALONE[event.key];
    if (!work) return;
    event.preventDefault();
    work({ strip: this, path, event });
  }

  goTo(index) {
    this.cards()[Math.min(Math.max(index, 0), store.state.layers.length - 1)]?.focus();
  }
}

/** Tell whether the middle of a card is on the screen: for its edges alone the page is not scrolled. */
function isSeen(card) {
  const { top, height } = card.getBoundingClientRect();
  return top >= 0 && top + height / 2 < innerHeight;
}

function newCard() {
  return h("div", { class: "layer-card strip-card", role: "option", tabindex: -1, "aria-keyshortcuts": KEYS }, connector(), h("div", { class: "card-body" }));
}

/** The arrow from the card before. */
function connector() {
  return svg("svg", { class: "connector", viewBox: "0 0 24 12", "aria-hidden": "true" }, svg("path", { d: "M1 6H21M17 2.5 21.5 6 17 9.5" }));
}

const contents = new WeakMap();

function showCard(card, index) {
  const { layers, shapes } = store.state;
  const name = nameOf([index]);
  const content = JSON.stringify([layers[index], shapes[index], name]);
  Object.assign(card.dataset, { index, name, kind: layers[index].type, where: whereOf([index]) });
  card.setAttribute("aria-posinset", index + 1);
  card.setAttribute("aria-setsize", layers.length);
  if (contents.get(card) === content) return;
  contents.set(card, content);
  fill(card.querySelector(".card-body"), cardContent(index));
  card.setAttribute("aria-label", cardLabel(index));
  card.dataset.warning = "";
}

/** The warnings of the layers inside of a card. */
function pick(warnings, card) {
  const names = [...card.querySelectorAll(".mini")].map(mini => mini.dataset.name);
  return Object.fromEntries(names.filter(name => name in warnings).map(name => [name, warnings[name]]));
}

function focused(target) {
  const card = target.closest(".layer-card");
  if (card && Number(card.dataset.index) !== store.selected) choose([Number(card.dataset.index)]);
}
