/* What the page knows: the schema, the latest state and frame, the curves so far, and what is selected.
 *
 * Frames come at most once per picture of the screen, and only those of the state that is shown. */

import { Connection } from "./connection.js";
import { append, extend, noCurves, received } from "./curves.js";
import { byLayer } from "./dictionary.js";

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
  history: noCurves(),
  selected: 0, // index of a card, or null
  pane: "", // the part of the page that a narrow screen shows: "data", "network", "train" or "look"
  tab: "", // "evaluate", "explain" or "doctor"
  connection: "away",
  server: "", // its name: one that is started anew has another
  reason: "", // why the server takes no connection, in its words
};

let connection;
let pending = false;
let curves = null; // of the history: its id, how many epochs the server had when it sent them, and the last of these

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

/** Wait for the state that an edit has led to: between its answer and that, there may be one of something else. */
export async function stateOf(edits) {
  const { server } = store;
  while (store.state.edits < edits && store.server === server) await newerState(store.state.version);
}

function setState(state) {
  store.state = state;
  store.frame = byLayer(state.frame);
  if (state.history) takeCurves(state.curves, state.history);
  else askForCurves();
  if (store.selected !== null && store.selected >= state.layers.length) store.selected = null;
  if (store.schema) announceState();
}

function takeCurves(sent, history) {
  store.history = received(history);
  curves = { ...sent, last: store.history.epoch.at(-1) ?? 0 };
}

/** A state without curves says which they are, and how long: ask for those that are others, or for what is new. */
async function askForCurves() {
  const { id, epochs } = store.state.curves;
  if (curves.id === id && curves.epochs === epochs) return;
  const since = curves.id === id ? curves.epochs : 0;
  if (curves.id !== id) takeCurves({ id, epochs: 0 }, noCurves());
  const more = await connection.request("curves", { since }).catch(() => null);
  if (more === null || curves.id !== more.id || curves.epochs !== more.since) return; // they were sent meanwhile
  extend(store.history, curves.last, more);
  curves = { id, epochs: more.epochs, last: Math.max(curves.last, (more.epoch.at(-1) ?? -1) + 1) };
  emit("history");
}

function announceState() {
  emit("state");
  emit("history");
  emit("frame");
}

function setFrame(told) {
  if (!store.state || told.version !== store.state.version) return;
  const frame = byLayer(told);
  append(store.history, frame);
  store.frame = frame;
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    emit("frame");
    emit("history");
  });
}
