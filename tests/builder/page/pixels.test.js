import assert from "node:assert/strict";
import test from "node:test";

import { habits, inkLine, pixelsOf } from "../static/look/evaluate/pixels.js";

/** n x n zeros with some ones, at [column, row]. */
function picture(n, ...dots) {
  const pixels = Array(n * n).fill(0);
  for (const [x, y] of dots) pixels[y * n + x] = 1;
  return pixels;
}

test("a dot inks its pixels, with a soft rim", () => {
  const ink = new Float64Array(25);
  inkLine(ink, 5, 2, [2.5, 2.5], [2.5, 2.5]);
  const at = (x, y) => ink[5 * y + x];
  assert.equal(at(2, 2), 1);
  assert.equal(at(1, 2), 0.5); // 1 away, of a radius of 1 and half a pixel of rim
  assert.ok(Math.abs(at(1, 1) - (1.5 - Math.SQRT2)) < 1e-12);
  assert.equal(at(0, 2), 0);
});

test("a line inks all between its ends and leaves darker ink as it is", () => {
  const ink = new Float64Array(25);
  ink[10] = 0.75;
  inkLine(ink, 5, 1, [1.5, 2.5], [3.5, 2.5]);
  assert.deepEqual([...ink.slice(10, 15)], [0.75, 1, 1, 1, 0]);
  assert.deepEqual([...ink.slice(5, 10)], [0, 0, 0, 0, 0]);
});

test("pictures have range, darkness, size and centre in common", () => {
  const found = habits([picture(4, [1, 1], [2, 1]), picture(4, [1, 1], [2, 2])], 4, [0, 1]);
  assert.deepEqual(found, { low: 0, high: 1, by: "box", peak: 1, whole: true, size: 2, centre: [2, 1.75] });
});

test("data are centred by what varies less: the box around the ink, or its centre of mass", () => {
  const byMass = [picture(4, [1, 1]), picture(4, [0, 0], [0, 2], [3, 1])]; // masses at 1.5, 1.5; boxes around 1.5 and 2
  const byBox = [picture(4, [0, 0], [2, 2]), picture(4, [0, 0], [0, 1], [2, 2])]; // boxes around 1.5, 1.5
  const [mass, box] = [byMass, byBox].map(pictures => habits(pictures, 4, [0, 1]));
  assert.deepEqual([mass.by, mass.centre], ["mass", [1.5, 1.5]]);
  assert.deepEqual([box.by, box.centre], ["box", [1.5, 1.5]]);
});

test("a drawing becomes as large and as dark as the data, in their middle", () => {
  const given = { low: 0, high: 16, by: "box", peak: 1, whole: true, size: 2, centre: [2, 2] };
  const ink = new Float64Array(64);
  for (const [x, y] of [[0, 0], [1, 0], [2, 0], [3, 0]]) for (const row of [0, 1, 2, 3]) ink[8 * (y + row) + x] = 0.5;
  // 4 x 4 half dark in a corner of 8 x 8: to 2 x 2 of full darkness in the middle of 4 x 4
  assert.deepEqual(pixelsOf(ink, 8, 4, given), [0, 0, 0, 0, 0, 16, 16, 0, 0, 16, 16, 0, 0, 0, 0, 0]);
});

test("where nothing is drawn there are no pixels", () => {
  assert.equal(pixelsOf(new Float64Array(16).fill(0.1), 4, 2, { low: 0, high: 1 }), null);
});
