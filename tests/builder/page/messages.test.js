import assert from "node:assert/strict";
import test from "node:test";

import { MESSAGES, messageOf } from "../static/core/messages.js";
import { emit, on, TOPICS } from "../static/core/store.js";

test("a message carries its type and fields", () => {
  assert.deepEqual(messageOf(7, "move", { from: 2, to: 0 }), { id: 7, type: "move", from: 2, to: 0 });
});

test("what is not in the table is not sent", () => {
  assert.throws(() => messageOf(1, "mvoe", {}), /may not send mvoe/);
  assert.throws(() => messageOf(1, "toString", {}), /may not send toString/);
  assert.throws(() => messageOf(1, "move", { form: 2 }), /move has no field form/);
});

test("no message has a field that says what the message is", () => {
  for (const fields of Object.values(MESSAGES)) assert.ok(!fields.includes("id") && !fields.includes("type"));
});

test("a topic that is not named is told to nobody, and nobody hears it", () => {
  assert.throws(() => on("stat", () => {}), /no topic stat/);
  assert.throws(() => emit("stat"), /no topic stat/);
});

test("listeners hear their topic until they end", () => {
  const heard = [];
  const end = on("theme", () => heard.push("theme"));
  on("tab", () => heard.push("tab"));
  emit("theme");
  end();
  emit("theme");
  emit("tab");
  assert.deepEqual(heard, ["theme", "tab"]);
  assert.ok(Object.keys(TOPICS).length > 5);
});
