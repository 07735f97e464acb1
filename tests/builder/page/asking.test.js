import assert from "node:assert/strict";
import test from "node:test";

import { Poller } from "../static/look/evaluate/poller.js";
import { latestWins } from "../static/train/latest_wins.js";

const rest = ms => new Promise(resolve => setTimeout(resolve, ms));

test("a poller asks once for many wishes, and never twice at a time", async () => {
  let [asked, atOnce, most] = [0, 0, 0];
  const answers = [];
  const ask = async () => {
    asked += 1;
    most = Math.max(most, (atOnce += 1));
    await new Promise(resolve => answers.push(resolve));
    atOnce -= 1;
  };
  const until = async n => {
    while (asked < n) await rest(1);
    await rest(10); // for one that should not come
  };
  const poller = new Poller(ask, () => 1);
  for (let i = 0; i < 5; i += 1) poller.want();
  await until(1);
  assert.equal(asked, 1);
  poller.want(); // while it is busy: once more afterwards
  poller.want();
  await rest(10);
  assert.equal(asked, 1);
  answers[0]();
  await until(2);
  assert.deepEqual([asked, most], [2, 1]);
});

test("a poller goes on after a question that failed", async () => {
  const poller = new Poller(() => Promise.reject(new Error("away")), () => 0);
  await assert.rejects(poller.run(), /away/);
  await new Promise(resolve => {
    poller.ask = async () => resolve();
    poller.want();
  });
  assert.equal(poller.timer, null);
});

test("of the values of a slider the latest is sent, and it settles once", async () => {
  const sent = [];
  let times = 0;
  const send = async value => {
    sent.push(value);
    return `answer to ${value}`;
  };
  const settled = await new Promise(resolve => {
    const slider = latestWins(send, result => (times += 1) && resolve(result), 5);
    for (const value of [1, 2, 3]) slider.send(value);
    assert.equal(slider.busy(), true);
  });
  assert.equal(settled, "answer to 3");
  assert.deepEqual(sent, [1, 3]); // the first at once, then the latest
  await rest(20);
  assert.equal(times, 1);
});
