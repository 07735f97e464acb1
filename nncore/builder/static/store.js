/* What the page knows: the schema, the latest state and frame, the curves so far, and what is selected.
 *
 * Topics, each with its listeners: "state", "frame", "history", "select", "connection", "theme".
 * Frames come at most once per picture of the screen, and only those of the state that is shown.
 */

import { Connection } from "./connection.js";

const MOST_POINTS = 2000; // of a curve; beyond that every other one is dropped

const listeners = new Map();

export const store = {
  schema: null,
  state: null,
  frame: null,
  history: { epoch: [], columns: {}, layers: {} }, // epoch: how many were done, from 1
  selected: 0, // index of a card, or null
  connection: "away",
  server: "", // its name: one that is started anew has another
  reason: "", // why the server takes no connection, in its words
};

let connection;
let pending = false;

/** Call `listener` whenever something of a topic changes; return what ends that. */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  return () => listeners.get(topic).delete(listener);
}

/** Tell all listeners of a topic. */
export function emit(topic) {
  for (const listener of listeners.get(topic) ?? []) listener(store);
}

/** Connect with the server; the first state and the schema are there when the promise is kept. */
export function connect(key, notice) {
  return new Promise(resolve => {
    const told = { server: name => (store.server = name), state: setState, frame: setFrame, notice };
    connection = new Connection(key, (kind, content) => told[kind]?.(content), changed);

    async function changed(status, reason = "") {
      Object.assign(store, { connection: status, reason });
      if (status === "open") {
        const schema = await connection.request("schema").catch(() => null);
        if (schema === null) return; // the server has gone again, and tells of that itself
        const first = store.schema === null;
        store.schema = schema;
        if (first) announceState();
        resolve();
      }
      emit("connection");
    }
  });
}

/** Try to connect now, where the server is away or has too many pages. */
export function reconnect() {
  connection.open();
}

/** Ask the server; see `nncore/builder/messages.py` for what there is. Rejected with a Refusal. */
export function request(type, fields) {
  return connection.request(type, fields);
}

/** Select a card, or none. */
export function select(index) {
  if (store.selected === index) return;
  store.selected = index;
  emit("select");
}

/** Return the score that goes with the loss: "accuracy" or "r2" by default. */
export function scoreName() {
  return store.state.training.metrics_used[0];
}

function setState(state) {
  store.state = state;
  store.frame = state.frame;
  store.history = {
    epoch: state.history.epoch.map(done),
    columns: state.history.columns,
    layers: Object.fromEntries(
      Object.entries(state.history.layers).map(([name, layer]) => [name, { ...layer, epoch: layer.epoch.map(done) }])
    ),
  };
  if (store.selected !== null && store.selected >= state.layers.length) store.selected = null;
  if (store.schema) announceState();
}

function announceState() {
  emit("state");
  emit("history");
  emit("frame");
}

function setFrame(frame) {
  if (!store.state || frame.version !== store.state.version) return;
  append(frame);
  store.frame = frame;
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    emit("frame");
    emit("history");
  });
}

function done(epoch) {
  return epoch + 1;
}

function append(frame) {
  const { epoch, columns, layers } = store.history;
  if (frame.epoch > (epoch.at(-1) ?? 0)) {
    for (const [name, column] of Object.entries(columns)) column.push(frame[name] ?? null);
    if (!epoch.length) for (const name of names(frame)) columns[name] = [frame[name]];
    epoch.push(frame.epoch);
    thin(epoch, columns);
  }
  for (const [name, record] of Object.entries(frame.layers)) {
    const layer = (layers[name] ??= { epoch: [] });
    if (done(record.epoch) <= (layer.epoch.at(-1) ?? 0)) continue;
    for (const [key, value] of Object.entries(record)) {
      if (key !== "epoch" && key !== "histogram") (layer[key] ??= []).push(value);
    }
    layer.epoch.push(done(record.epoch));
    thin(layer.epoch, layer);
  }
}

const NO_COLUMNS = new Set(["version", "epoch", "batch", "n_batches", "batch_loss", "running_loss", "rate_now", "samples_per_second", "layers", "edges"]);

function names(frame) {
  return Object.keys(frame).filter(name => !NO_COLUMNS.has(name));
}

function thin(epoch, columns) {
  if (epoch.length <= MOST_POINTS) return;
  const keep = (_, i) => i % 2 === 0 || i === MOST_POINTS;
  const others = Object.values(columns).filter(column => Array.isArray(column) && column !== epoch);
  for (const column of [epoch, ...others]) column.splice(0, column.length, ...column.filter(keep));
}
