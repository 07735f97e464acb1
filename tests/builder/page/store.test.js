import assert from "node:assert/strict";
import { createHmac, webcrypto } from "node:crypto";
import test, { beforeEach } from "node:test";

import { valuesOf } from "../static/drawing/frame_values.js";
import { connect, newerState, on, reconnect, request, stateOf, store } from "../static/core/store.js";

const KEY = "the key";
const sockets = [];

/** What the page takes for its connection; the tests are the server behind it. */
class Socket {
  static OPEN = 1;
  static CLOSED = 3;

  constructor(address) {
    Object.assign(this, { address, readyState: Socket.OPEN, sent: [] });
    sockets.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = Socket.CLOSED;
  }

  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** Return the message of a type that the page sends next, as soon as it has. */
  async asked(type) {
    for (let i = 0; i < 500; i += 1) {
      const found = this.sent.findIndex(message => message.type === type);
      if (found >= 0) return this.sent.splice(found, 1)[0];
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    throw new Error(`the page did not ask for ${type}`);
  }
}

globalThis.crypto ??= webcrypto;
Object.assign(globalThis, {
  WebSocket: Socket,
  BroadcastChannel: class {
    postMessage() {}
  },
  sessionStorage: { setItem() {} },
  location: { host: "127.0.0.1:1" },
  requestAnimationFrame: work => setTimeout(work),
});

const proof = (who, nonce) => createHmac("sha256", KEY).update(`${who}:challenge:${nonce}`).digest("hex");
const state = (others = {}) => ({
  version: 1,
  layers: [{ type: "Dense" }],
  frame: { version: 1, epoch: 2 },
  history: { epoch: [0, 1], columns: { loss: [0.5, 0.25] }, layers: { a: { epoch: [1], gradient_norm: [3] } } },
  ...others,
});
const frame = (epoch, loss, others = {}) => ({ type: "frame", frame: { version: 1, epoch, loss, layers: {}, edges: {}, ...others } });

/** Connect, and go through the greeting; return the socket. */
async function greeted(answer = {}) {
  Object.assign(store, { schema: null, state: null, selected: 0 });
  const done = connect(KEY, () => {});
  const socket = sockets.at(-1);
  socket.tell({ type: "challenge", challenge: "challenge" });
  const hello = await socket.asked("hello");
  assert.equal(hello.proof, proof("page", hello.nonce));
  const result = { proof: proof("server", hello.nonce), token: "token", server: "its name", state: state(), ...answer };
  socket.tell({ id: hello.id, ok: true, result });
  return { socket, done };
}

async function opened() {
  const { socket, done } = await greeted();
  const { id } = await socket.asked("schema");
  socket.tell({ id, ok: true, result: { layers: {} } });
  await done;
  return socket;
}

beforeEach(() => sockets.splice(0));

test("page and server prove to each other that they know the key", async () => {
  const socket = await opened();
  assert.equal(socket.address, "ws://127.0.0.1:1/ws");
  assert.deepEqual([store.connection, store.server], ["open", "its name"]);
  assert.deepEqual(store.schema, { layers: {} });
});

test("a server that does not know the key is none", async () => {
  const { socket } = await greeted({ proof: "something else" });
  while (store.connection !== "unauthorized") await new Promise(resolve => setTimeout(resolve, 1));
  assert.equal(socket.readyState, Socket.CLOSED);
  assert.equal(store.state, null);
});

test("epochs of the curves count those that are done", async () => {
  const socket = await opened();
  assert.deepEqual(store.history.epoch, [1, 2]);
  assert.deepEqual(store.history.layers.a.epoch, [2]);
  socket.tell(frame(3, 0.125, { layers: { a: { epoch: 2, gradient_norm: 1.5, histogram: [1] } } }));
  assert.deepEqual([store.history.epoch, store.history.columns.loss], [[1, 2, 3], [0.5, 0.25, 0.125]]);
  assert.deepEqual(store.history.layers.a, { epoch: [2, 3], gradient_norm: [3, 1.5] });
  socket.tell(frame(3, 0.1)); // the same epoch, batches further
  assert.deepEqual(store.history.epoch, [1, 2, 3]);
});

test("a frame of another state is not shown", async () => {
  const socket = await opened();
  socket.tell(frame(9, 1, { version: 2 }));
  assert.equal(store.frame.epoch, 2);
  assert.deepEqual(store.history.epoch, [1, 2]);
});

test("frames are told of once for each picture of the screen", async () => {
  const socket = await opened();
  let told = 0;
  const end = on("frame", () => (told += 1));
  for (let epoch = 3; epoch < 8; epoch += 1) socket.tell(frame(epoch, 0.1));
  assert.equal(told, 0);
  await new Promise(resolve => setTimeout(resolve, 10));
  end();
  assert.equal(told, 1);
  assert.equal(store.frame.epoch, 7);
});

test("of a long curve every other point is dropped, but never the last", async () => {
  const socket = await opened();
  for (let epoch = 3; epoch <= 2001; epoch += 1) socket.tell(frame(epoch, epoch));
  assert.equal(store.history.epoch.length, 1001);
  assert.deepEqual([store.history.epoch[1], store.history.epoch.at(-1), store.history.columns.loss.at(-1)], [3, 2001, 2001]);
});

test("answers find who asked, and a refusal has its place", async () => {
  const socket = await opened();
  const [moved, removed] = [request("move", { from: 0, to: 1 }), request("remove", { index: 7 })];
  const [first, second] = [await socket.asked("move"), await socket.asked("remove")];
  socket.tell({ id: second.id, ok: false, error: { message: "there is no layer 7", where: "layers[7]" } });
  socket.tell({ id: first.id, ok: true, result: "done" });
  assert.equal(await moved, "done");
  await assert.rejects(removed, { message: "there is no layer 7", where: "layers[7]" });
  assert.throws(() => request("weights", { layer: "a" }), /may not send weights/);
});

test("what is asked while the server is away is refused, and so is what waits", async () => {
  const socket = await opened();
  const waiting = request("doctor");
  socket.close();
  socket.onclose({ code: 1006, reason: "" });
  await assert.rejects(waiting, /does not answer/);
  assert.equal(store.connection, "away");
  await assert.rejects(request("doctor"), /server is away/);
  reconnect();
  assert.equal(sockets.length, 2);
});

test("a newer state is waited for, if it is not there", async () => {
  const socket = await opened();
  assert.equal(newerState(0), null);
  const waiting = newerState(1);
  socket.tell({ type: "state", state: state({ version: 2, layers: [] }) });
  await waiting;
  assert.equal(store.state.version, 2);
  assert.equal(store.selected, null); // there is no card any more
});

test("the state of an edit is waited for, not one that comes before it", async () => {
  const socket = await opened();
  socket.tell({ type: "state", state: state({ version: 2, edits: 0 }) });
  let there = false;
  const waiting = stateOf(2).then(() => (there = true));
  for (const [version, edits] of [[3, 0], [4, 1]]) {
    socket.tell({ type: "state", state: state({ version, edits }) });
    await new Promise(resolve => setTimeout(resolve));
    assert.equal(there, false);
  }
  socket.tell({ type: "state", state: state({ version: 5, edits: 2 }) });
  await waiting;
  await stateOf(1);
});

const { history: _, ...WITHOUT } = state();
const short = curves => ({ type: "state", state: { ...WITHOUT, version: 2, curves } });
const more = (id, since, epochs, epoch) => ({
  id, since, epochs, epoch, columns: { loss: epoch.map(one => one / 8), accuracy: epoch.map(() => 1) },
  layers: { a: { epoch, gradient_norm: epoch }, b: { kind: "Dense", epoch, gradient_norm: epoch } },
});

test("a state without curves leaves those that are there, and asks for what is new", async () => {
  const { socket, done } = await greeted({ state: state({ curves: { id: 7, epochs: 2 } }) });
  socket.tell({ id: (await socket.asked("schema")).id, ok: true, result: { layers: {} } });
  await done;
  socket.tell(frame(4, 9)); // told of by a frame, among others that it left out
  socket.tell(short({ id: 7, epochs: 5 }));
  const asked = await socket.asked("curves");
  assert.equal(asked.since, 2);
  assert.deepEqual(store.history.epoch, [1, 2, 4]);
  socket.tell({ ...frame(6, 0.75), frame: { ...frame(6, 0.75).frame, version: 2 } });
  socket.tell({ id: asked.id, ok: true, result: more(7, 2, 5, [2, 3, 4]) });
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual(store.history.epoch, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(store.history.columns, { loss: [0.5, 0.25, 0.25, 0.375, 0.5, 0.75], accuracy: [null, null, 1, 1, 1, null] });
  assert.deepEqual(store.history.layers.a, { epoch: [2, 3, 4, 5], gradient_norm: [3, 2, 3, 4] });
  assert.deepEqual(store.history.layers.b, { kind: "Dense", activation: undefined, epoch: [3, 4, 5], gradient_norm: [2, 3, 4] });
  socket.tell(short({ id: 7, epochs: 5 }));
  await assert.rejects(socket.asked("curves"), /did not ask/);
});

test("other curves are asked for as a whole", async () => {
  const { socket, done } = await greeted({ state: state({ curves: { id: 7, epochs: 2 } }) });
  socket.tell({ id: (await socket.asked("schema")).id, ok: true, result: { layers: {} } });
  await done;
  socket.tell(short({ id: 8, epochs: 1 }));
  const asked = await socket.asked("curves");
  assert.equal(asked.since, 0);
  assert.deepEqual(store.history.epoch, []);
  socket.tell({ id: asked.id, ok: true, result: more(8, 0, 1, [0]) });
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual([store.history.epoch, store.history.columns.loss], [[1], [0]]);
});
for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "prototype", "length"]) {
  test(`a layer may be called ${name}`, async () => {
    const socket = await opened();
    const own = value => JSON.parse(`{${JSON.stringify(name)}: ${JSON.stringify(value)}}`); // as it comes over the wire
    assert.equal(store.history.layers[name], undefined);
    assert.equal(store.frame.layers?.[name], undefined);
    const record = { epoch: 2, gradient_norm: 1.5, histogram: [1] };
    const entry = { shape: [1, 1], weight: [[0.5]], gradient: [[0.25]], gradient_norm: 0.25 };
    socket.tell(frame(3, 0.125, { layers: own(record), edges: own(entry), gradient_norms: own(0.25) }));
    assert.deepEqual(store.history.layers[name], { epoch: [3], gradient_norm: [1.5] });
    assert.equal(store.frame.layers[name].gradient_norm, 1.5);
    assert.deepEqual(Object.keys(store.frame.edges), [name]);
    store.schema = { limits: { gradient: { exploding: 100, starving: 1e-3, fading: 1e-2 } } };
    const values = valuesOf({ groups: [{ name }, { name: "other" }], arcs: [{ name }] }, store.frame);
    assert.deepEqual([...values.groups.keys()], [name]);
    assert.equal(values.groups.get(name).condition, "");
    socket.tell({ type: "state", state: state({ version: 2, history: { epoch: [0], columns: { loss: [1] }, layers: own({ epoch: [0], gradient_norm: [2] }) } }) });
    assert.deepEqual(store.history.layers[name], { epoch: [1], gradient_norm: [2] });
    assert.deepEqual(Object.keys(store.history.layers), [name]);
    assert.equal({}.epoch, undefined); // no other object has got anything
  });
}
