import assert from "node:assert/strict";
import test from "node:test";

import { brief, capital, count, counted, figure, percent, spaced, steady, words } from "../static/core/format.js";

test("a figure has as many digits as asked for, and powers of ten where it is long", () => {
  assert.equal(figure(1234.5678), "1235");
  assert.equal(figure(-0.5), "−0.5");
  assert.equal(figure(0), "0");
  assert.equal(figure(2 / 3, 2), "0.67");
  assert.equal(figure(1e6), "1.00e6");
  assert.equal(figure(-0.00005), "−5.00e−5");
  assert.equal(figure(0.0001), "0.0001");
});

test("what is no number is a dash", () => {
  for (const value of [null, undefined, NaN, Infinity, "7"]) assert.equal(figure(value), "–");
  assert.equal(count(NaN), "–");
  assert.equal(percent(null), "–");
  assert.equal(steady(undefined), "–");
});

test("counts have their thousands apart, and a noun in the right number", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(counted(1, "layer"), "1 layer");
  assert.equal(counted(0, "layer"), "0 layers");
  assert.equal(counted(2, "class", "classes"), "2 classes");
});

test("a share is per cent, and a large number is short", () => {
  assert.equal(percent(0.1234), "12.3 %");
  assert.equal(percent(1, 0), "100 %");
  assert.equal(brief(999), "999");
  assert.equal(brief(1_049_600), "1.05 M");
  assert.equal(brief(-2500), "-2.5 k");
});

test("a number that changes keeps about its width", () => {
  assert.equal(steady(0.693147), "0.6931");
  assert.equal(steady(0.005), "0.00500");
  assert.equal(steady(12.345678), "12.346");
  assert.equal(steady(123456), "1.23e5");
  assert.equal(steady(-0.0004), "−4.00e−4");
  assert.equal(steady(2e-120), "2.0e−120");
});

test("names of the core become words", () => {
  assert.equal(words("val_loss"), "val loss");
  assert.equal(spaced("MeanSquaredError"), "mean squared error");
  assert.equal(capital(words("n_samples")), "N samples");
});
