/* What the page knows: the schema, the latest state and frame, the curves so far, and what is selected.
 *
 * Frames come at most once per picture of the screen, and only those of the state that is shown. */

import { Connection } from "./connection.js";

const MOST_POINTS = 2000; // of a curve; beyond that every other one is dropped

/** What one can listen to, and when it is told. */
export const TOPICS = {
  state: "the server's state is another one: `store.state`",
  frame: "the training has got on, or the state is another one: `store.frame`",
  history: "the same, of the curves: `store.history`",
  connection: "the server is there, away or full, or does not know the page: `store.connection`",
  rows: "the data, or which rows are held out, are others: what `dataRows` returns",
  select: "another layer is selected: `store.selected`, and `chosen` for those inside of a group",
  units: "a number of units that was sent is settled",
  refused: "an edit of the network was refused",
  runs: "the runs that are kept to be compared are others",
  pane: "another part of the page is shown on narrow screens: `store.pane`",
  tab: "another tab of the part below the network is shown: `store.tab`",
  theme: "the page has become light or dark",
};

const listeners = new Map(Object.keys(TOPICS).map(topic => [topic, new Set()]));

export const store = {
  schema: null,
  state: null,
  frame: null,
  history: { epoch: [], columns: {}, layers: {} }, // epoch: how many were done, from 1
  selected: 0, // index of a card, or null
  pane: "", // the part of the page that a narrow screen shows: "data", "network", "train" or "look"
  tab: "", // "evaluate", "explain" or "doctor"
  connection: "away",
  server: "", // its name: one that is started anew has another
  reason: "", // why the server takes no connection, in its words
};

let connection;
let pending = false;

/** Call `listener` whenever something of a topic changes; return what ends that. */
export function on(topic, listener) {
  const all = listenersOf(topic);
  all.add(listener);
  return () => all.delete(listener);
}

/** Tell all listeners of a topic. */
export function emit(topic) {
  for (const listener of listenersOf(topic)) listener(store);
}

function listenersOf(topic) {
  if (!listeners.has(topic)) throw new Error(`there is no topic ${topic}`);
  return listeners.get(topic);
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

/** Ask the server for one of `MESSAGES`. Rejected with a Refusal. */
export function request(type, fields) {
  return connection.request(type, fields);
}

/** Select a card, or none. */
export function select(index) {
  if (store.selected === index) return;
  store.selected = index;
  emit("select");
}

/** Wait for a state after the one of that version; the server may tell of it after its answer. */
export function newerState(version) {
  if (store.state.version !== version) return null;
  return new Promise(resolve => {
    const end = on("state", () => {
      end();
      resolve();
    });
  });
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
