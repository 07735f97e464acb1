/* From a drawing to the pixels of the data: made as large, as dark, centred and as coarse as the pictures there are. */

const INK = 0.2; // share of the range of the values that counts as drawn

/** Return what the pictures have in common: their range, how dark and how large what they show is, and its centre.
 *
 * Some data are centred by the box around the ink, others by its centre of mass: whichever varies less is theirs. */
export function habits(pictures, side, [low, high]) {
  const inked = pictures.map(pixels => pixels.map(value => (value - low) / (high - low || 1)));
  const found = inked.map(ink => extent(ink, side)).filter(Boolean);
  const by = spread(found.map(({ box }) => box)) <= spread(found.map(({ mass }) => mass)) ? "box" : "mass";
  return {
    low,
    high,
    by,
    peak: mean(inked.map(ink => Math.max(...ink))),
    whole: pictures.every(pixels => pixels.every(Number.isInteger)),
    size: mean(found.map(({ size }) => size)) || side,
    centre: [0, 1].map(axis => mean(found.map(one => one[by][axis])) || side / 2),
  };
}

/** Ink all of the n x n pixels near to the line between two points, `width` wide, with a soft rim of one pixel. */
export function inkLine(ink, n, width, [x0, y0], [x1, y1]) {
  const radius = width / 2;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy || 1;
  const within = value => Math.min(n - 1, Math.max(0, value));
  for (let y = within(Math.floor(Math.min(y0, y1) - radius)); y <= within(Math.ceil(Math.max(y0, y1) + radius)); y += 1) {
    for (let x = within(Math.floor(Math.min(x0, x1) - radius)); x <= within(Math.ceil(Math.max(x0, x1) + radius)); x += 1) {
      const along = Math.min(1, Math.max(0, ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length));
      const away = Math.hypot(x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy);
      const dark = Math.min(1, Math.max(0, radius + 0.5 - away));
      ink[y * n + x] = Math.max(ink[y * n + x], dark);
    }
  }
}

/** Return the pixels of a drawing: `ink` holds n x n values from 0 to 1. Null if nothing is drawn. */
export function pixelsOf(ink, n, side, { low, high, by, peak, whole, size, centre }) {
  const drawn = extent(ink, n);
  if (!drawn) return null;
  const scale = drawn.size / size; // pixels of the drawing to one of the data
  const sums = cumulative(ink, n);
  const shares = [];
  for (let i = 0; i < side; i += 1) {
    for (let j = 0; j < side; j += 1) {
      const [top, left] = [i - centre[1], j - centre[0]].map((offset, axis) => drawn[by][1 - axis] + offset * scale);
      shares.push(area(sums, n, left, top, left + scale, top + scale) / (scale * scale));
    }
  }
  const darker = peak / Math.max(...shares);
  const values = shares.map(share => low + Math.min(1, share * darker) * (high - low));
  return values.map(value => (whole ? Math.round(value) : Number(value.toPrecision(4))));
}

/** Return size and centres, [x, y], of what is drawn on n x n pixels; null if nothing is. */
function extent(ink, n) {
  let [left, top, right, bottom, total, x, y] = [n, n, 0, 0, 0, 0, 0];
  for (let i = 0; i < n * n; i += 1) {
    if (ink[i] < INK) continue;
    const [column, row] = [i % n, Math.floor(i / n)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    total += ink[i];
    x += ink[i] * (column + 0.5);
    y += ink[i] * (row + 0.5);
  }
  if (!total) return null;
  return { size: Math.max(right - left, bottom - top), box: [(left + right) / 2, (top + bottom) / 2], mass: [x / total, y / total] };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function spread(points) {
  const variance = values => mean(values.map(value => (value - mean(values)) ** 2));
  return [0, 1].reduce((sum, axis) => sum + variance(points.map(point => point[axis])), 0);
}

/** Return the sums of all values above and to the left, (n + 1) x (n + 1). */
function cumulative(ink, n) {
  const sums = new Float64Array((n + 1) ** 2);
  for (let i = 0; i < n; i += 1) {
    let row = 0;
    for (let j = 0; j < n; j += 1) {
      row += ink[i * n + j];
      sums[(i + 1) * (n + 1) + j + 1] = sums[i * (n + 1) + j + 1] + row;
    }
  }
  return sums;
}

/** Return the sum of the ink in a rectangle, whose edges may cut through pixels. */
function area(sums, n, left, top, right, bottom) {
  const at = (x, y) => {
    const [u, v] = [Math.min(n, Math.max(0, x)), Math.min(n, Math.max(0, y))];
    const [j, i] = [Math.min(n - 1, Math.floor(u)), Math.min(n - 1, Math.floor(v))];
    const [s, t] = [u - j, v - i];
    const corner = (row, column) => sums[row * (n + 1) + column];
    const upper = corner(i, j) * (1 - s) + corner(i, j + 1) * s;
    const lower = corner(i + 1, j) * (1 - s) + corner(i + 1, j + 1) * s;
    return upper * (1 - t) + lower * t;
  };
  return at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top);
}
