/* What changes the network. Edits go to the server one after the other, each made of the state that the one before
 * left; what is refused is shown at the card or field that was being changed, and leaves the strip as it was. */

import { isFunction } from "../core/activations.js";
import { changedAt, chosen, choose, isGroup, layerAt, nameOf, whereOf } from "../core/paths.js";
import { startingValues } from "../core/starting_values.js";
import { emit, stateOf, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { announce } from "../ui/notices.js";

const READS_ROWS = new Set(["Normalization"]); // as they are given, whatever is chosen
const PAUSE = 180; // ms without another step until a new number of units is sent: one edit, one step to undo

let last = Promise.resolve();
let wish = null;
let units = null;

/** Return what the last edit of this page makes of the cards, once the state is the one that it leads to:
 * {order, chosen, focus}, `order` as of `matched`; else null. */
export function takeWish(state) {
  if (!wish || state.version === wish.version || JSON.stringify(state.layers.map(layer => layer.type)) !== wish.types) return null;
  const taken = wish;
  queueMicrotask(() => (wish = wish === taken ? null : wish)); // as soon as every page has seen it
  return taken;
}

/** Put a layer of a kind in before the card at `index`. */
export function insertKind(kind, index, focus = true) {
  return queued(() => insert(index, startingValues(kind, index), "put in", focus));
}

/** Put a layer of a kind in behind the selected card, or before the last one where that or none is selected: the output
 * of the network stays its last layer. Behind that goes only what is dragged there. What reads the rows goes first. */
export function insertKindAfterChosen(kind, focus = true) {
  return queued(() => {
    const last = store.state.layers.length - 1;
    const index = READS_ROWS.has(kind) ? 0 : Math.min((store.selected ?? last) + 1, last);
    return insert(index, startingValues(kind, index), "put in", focus);
  });
}

/** Take the card at `from` out and put it in as number `to`. */
export function move(from, to) {
  return queued(() => moveCard(from, to, true));
}

/** Move the selected layer left (-1) or right (1), within its group if it is in one. */
export function moveChosen(by, focus) {
  return queued(() => {
    const path = chosen();
    if (!path) return false;
    if (path.length > 1) return moveInside(path, by);
    const to = path[0] + by;
    if (to >= 0 && to < store.state.layers.length) return moveCard(path[0], to, focus);
    announce(`${nameOf(path)} is the ${by < 0 ? "first" : "last"} layer`);
    return false;
  });
}

/** Take the selected layer out of the network. */
export function removeChosen(focus) {
  return queued(() => {
    const path = chosen();
    if (!path) return false;
    if (path.length > 1) return removeInside(path);
    return removeCard(path[0], focus);
  });
}

/** Put a copy of the selected layer behind it. */
export function duplicateChosen() {
  return queued(() => {
    const path = chosen();
    if (!path) return false;
    const copy = nameless(layerAt(path));
    const behind = list => list.toSpliced(path.at(-1) + 1, 0, copy);
    if (path.length > 1) return inGroup(path, behind, `${copy.type} duplicated`, 1);
    return insert(path[0] + 1, copy, "duplicated", false);
  });
}

/** Change the layer at a path; a mistake is shown at `where`. `change` makes the new layer of the one that is there. */
export function updateLayer(path, change, where = whereOf(path.slice(0, 1))) {
  return queued(() => update(path, change, where, null));
}

/** Put a layer of a kind in at the end of a group. */
export function addInside(path, kind) {
  return queued(() => {
    const list = layerAt(path).layers;
    const longer = now => [...now, startingValues(kind, path[0])];
    return inGroup([...path, list.length - 1], longer, `${kind} put into the group`, 1);
  });
}

/** Take the selected layer out of its group, and put it in behind the card of the group. */
export function takeOut() {
  return queued(() => {
    const path = chosen();
    if (!path || path.length < 2) return false;
    const [card, ...rest] = path;
    const without = changedAt(layerAt([card]), rest.slice(0, -1), group => ({ ...group, layers: group.layers.toSpliced(path.at(-1), 1) }));
    const inserted = { type: "insert", index: card + 1, layer: layerAt(path) };
    const n = store.state.layers.length;
    const wanted = { order: [...Array(n).keys()].toSpliced(card + 1, 0, null), chosen: [card + 1], focus: false };
    return edit("together", { steps: [updated(card, without), inserted] }, "", `${nameOf(path)} taken out of the group`, wanted, inserted.layer.type);
  });
}

/** Take the card before (-1) or behind (1) a group into it. */
export function takeIn(group, by) {
  return queued(() => {
    const [other, layer] = [group + by, layerAt([group + by])];
    const list = layerAt([group]).layers;
    const grown = { ...layerAt([group]), layers: by < 0 ? [layer, ...list] : [...list, layer] };
    const now = other < group ? group - 1 : group;
    const removed = { type: "remove", index: other };
    const steps = layer.name ? [removed, updated(now, grown)] : [updated(group, grown), removed]; // a name may be there only once
    const wanted = { order: [...Array(store.state.layers.length).keys()].toSpliced(other, 1), chosen: [now], focus: false };
    return edit("together", { steps }, "", `${layer.type} taken into the group`, wanted);
  });
}

function updated(index, layer) {
  return { type: "update_layer", index, layer };
}

// ---- units, step by step

/** Change the units of a layer by a step; several steps in a row are one edit. */
export function stepUnits(path, by) {
  const layer = layerAt(path);
  if (!layer || typeof layer.units !== "number") return null;
  if (units && whereOf(units.path) !== whereOf(path)) sendUnits();
  clearTimeout(units?.timer);
  units = { path, count: Math.max(1, wantedUnits(path) + by), timer: setTimeout(sendUnits, PAUSE) };
  return units.count;
}

/** Return how many units a layer has, or will have after the steps that are on their way. */
export function wantedUnits(path) {
  return units && whereOf(units.path) === whereOf(path) ? units.count : layerAt(path)?.units;
}

function sendUnits() {
  if (!units?.timer) return;
  clearTimeout(units.timer);
  const sent = units;
  sent.timer = null;
  const work = async () => {
    const named = nameOf(sent.path);
    const change = layer => ({ ...layer, units: sent.count });
    const done = await update(sent.path, change, whereOf(sent.path.slice(0, 1)), `${named}: ${sent.count} units`);
    if (units === sent) units = null;
    emit("units");
    return done;
  };
  last = last.then(work, work);
}

// ---- the edits themselves

function queued(work) {
  sendUnits();
  last = last.then(work, work);
  return last;
}

async function insert(index, layer, how, focus) {
  const n = store.state.layers.length;
  const order = [...Array(n).keys()].toSpliced(index, 0, null);
  const said = `${layer.type} ${how} as card ${index + 1} of ${n + 1}`;
  return edit("insert", { index, layer }, [Math.max(0, Math.min(index, n) - 1)], said, { order, chosen: [index], focus }, layer.type);
}

async function moveCard(from, to, focus) {
  const n = store.state.layers.length;
  if (from === to) return true;
  const order = [...Array(n).keys()];
  order.splice(to, 0, ...order.splice(from, 1));
  return edit("move", { from, to }, [from], `${nameOf([from])} moved to place ${to + 1} of ${n}`, { order, chosen: [to], focus });
}

async function removeCard(index, focus) {
  const n = store.state.layers.length;
  const order = [...Array(n).keys()].toSpliced(index, 1);
  const after = n > 1 ? [Math.min(index, n - 2)] : null;
  return edit("remove", { index }, [index], `${nameOf([index])} removed; ${n - 1} left`, { order, chosen: after, focus });
}

function update(path, change, where, said) {
  const [card, ...rest] = path;
  const layer = layerAt(path) && changedAt(layerAt([card]), rest, change);
  return layer ? edit("update_layer", { index: card, layer }, where, said) : false;
}

/** Change the list of the group that the layer at `path` is in; select the one `by` places further. */
async function inGroup(path, change, said, by) {
  const group = path.slice(0, -1);
  const done = await update(group, layer => ({ ...layer, layers: change(layer.layers) }), whereOf(group.slice(0, 1)), said);
  if (done) choose([...group, path.at(-1) + by]);
  return done;
}

function moveInside(path, by) {
  const from = path.at(-1);
  const group = layerAt(path.slice(0, -1));
  if (from + by < 0 || from + by >= group.layers.length) return false;
  const moved = list => list.toSpliced(from, 1).toSpliced(from + by, 0, list[from]);
  return inGroup(path, moved, `${nameOf(path)} moved to place ${from + by + 1} of ${group.layers.length} in the group`, by);
}

async function removeInside(path) {
  const named = nameOf(path);
  const group = path.slice(0, -1);
  const without = layer => ({ ...layer, layers: layer.layers.toSpliced(path.at(-1), 1) });
  const done = await update(group, without, whereOf(path.slice(0, 1)), `${named} removed from the group`);
  if (done) choose(group);
  return done;
}

/** Have the server do it, unless the network is no longer the one that this page shows. `place` is the card or path at
 * which a refusal is shown, `wanted` what `takeWish` returns. */
async function edit(type, fields, place, said, wanted = null, inserted = null) {
  const version = store.state.version;
  wish = wanted && { ...wanted, version, types: typesAfter(wanted.order, inserted) };
  const result = await act(type, { ...fields, edits: store.state.edits }, { where: typeof place === "string" ? place : whereOf(place) });
  if (result === null) {
    wish = null;
    emit("refused");
    return false;
  }
  await stateOf(result.edits);
  if (said) announce([said, ...result.messages].join(". "));
  return true;
}

function typesAfter(order, inserted) {
  return JSON.stringify(order.map(old => (old === null ? inserted : store.state.layers[old].type)));
}

function nameless(layer) {
  const { name, ...rest } = layer;
  const copy = isFunction(layer.type) ? layer : rest; // whose name is its function's
  return isGroup(copy) ? { ...copy, layers: copy.layers.map(nameless) } : copy;
}
