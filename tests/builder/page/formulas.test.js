import assert from "node:assert/strict";
import test from "node:test";

import { parse, typeset } from "../static/look/explain/formulas/formula.js";
import { largest, pick, pickRow } from "../static/look/explain/formulas/example.js";
import { product, sub, sumOf, value } from "../static/look/explain/formulas/mathml.js";
import { text } from "./text.js";

const itself = () => null;

test("a formula is read by the rules of arithmetic", () => {
  const [x, two] = [["name", "x", null], ["number", "2"]];
  assert.deepEqual(parse("max(0, x)"), ["call", "max", [["number", "0"], x]]);
  assert.deepEqual(parse("x - x - 2"), ["-", ["-", x, x], two]);
  assert.deepEqual(parse("x + 2 * x"), ["+", x, ["*", two, x]]);
  assert.deepEqual(parse("-x ** 2"), ["minus", ["power", x, two]]);
  assert.deepEqual(parse("2 ** -x"), ["power", two, ["minus", x]]);
  assert.deepEqual(parse("p[target]"), ["name", "p", "target"]);
  assert.deepEqual(parse("sum_j x_j"), ["sum", "j", ["name", "x", "j"]]);
  assert.deepEqual(parse("x if x > 0 else 2"), ["choice", x, ["compare", ">", x, ["number", "0"]], two]);
});

test("a formula is set with its signs and brackets", () => {
  const shown = formula => text(typeset(parse(formula), itself));
  assert.equal(shown("1 / (1 + exp(-x))"), "(1)/(1+exp(−x))");
  assert.equal(shown("x * (x + 2)"), "x·(x+2)");
  assert.equal(shown("sqrt(x)"), "√(x)");
  assert.equal(shown("|x| + 1"), "|x|+1");
  assert.equal(shown("x if x >= 0 else alpha * x"), "x if x≥0, else alpha·x");
});

test("names become numbers, and sums are written out as far as there is room", () => {
  const numbers = [1, -2, 3];
  const known = (id, index, at) => (id === "x" ? value(numbers[at ?? 0]) : null);
  assert.equal(text(typeset(parse("2 - x"), () => value(-1))), "2−(−1)");
  assert.equal(text(typeset(parse("sum_j x_j"), known, 3)), "1+−2+3");
  assert.equal(text(typeset(parse("mean_j x_j"), known, 3)), "(1+−2+3)/(3)");
  assert.equal(text(typeset(parse("mean_j x_j"), known, 1)), "1");
});

test("numbers are written with their power of ten, and with brackets behind an operator", () => {
  assert.equal(text(value(-0.25)), "−0.25");
  assert.equal(text(value(-0.25, true)), "(−0.25)");
  assert.equal(text(value(-2e-7)), "−2·10^−7");
  assert.equal(text(product(value(2), value(-3))), "2·(−3)");
  assert.equal(text(sub("dW", 1, "j")), "dW1,j");
});

test("a long sum is three terms and dots", () => {
  const terms = [1, 2, 3, 4, 5].map(number => value(number));
  assert.equal(text(sumOf(terms)), "1+2+3+⋯");
  assert.equal(text(sumOf(terms.slice(0, 4))), "1+2+3+4");
  assert.equal(text(sumOf(terms.slice(0, 2), 9)), "1+2+⋯");
});

test("the example is where there is most to see", () => {
  assert.equal(largest([0, -3, 2]), 1);
  assert.equal(largest([0, 0]), null);
  const node = rows => ({ step: { dz: { values: rows } } });
  assert.equal(pickRow([node([[0], [1]]), node([[0], [2]])], 2), 1);
  assert.equal(pickRow([node([[1], [1]])], 2), 0);
  const step = {
    dz: { values: [[0.1, -0.4]] },
    a: { values: [[1, 1]] },
    x: { values: [[1, 1, 1]] },
    parameters: { weight: { gradient: { values: [[9, 1], [9, -3], [9, 2]] } } },
  };
  assert.deepEqual(pick({ step }, 0), { i: 0, j: 1, k: 1, line: 1, unit: 2, input: 2 });
});
