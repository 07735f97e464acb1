/* Heat maps of weights that are too large to draw edge by edge: vermillion, neutral, blue. */

import { largest } from "./frame_values.js";

const SHADES = 32; // on either side of zero

/** Return the colours from -1 to 1 of a map, 2 * SHADES + 1 of them, as [r, g, b]. */
export function shades({ negative, zero, positive }) {
  const [low, middle, high] = [negative, zero, positive].map(channels);
  const mixed = (end, share) => end.map((value, i) => Math.round(middle[i] + (value - middle[i]) * share));
  return Array.from({ length: 2 * SHADES + 1 }, (_, i) => mixed(i < SHADES ? low : high, Math.abs(i - SHADES) / SHADES));
}

function channels(hex) {
  return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
}

/** Paint a matrix into a rectangle, a row for each input; return the size that has the full colour. */
export function paintHeat(context, rect, matrix, style) {
  const most = largest(matrix.flat());
  const tile = tileOf(matrix, most, style.shades);
  context.imageSmoothingEnabled = false;
  context.drawImage(tile, rect.x, rect.y, rect.width, rect.height);
  markNegative(context, rect, matrix, most, style);
  context.strokeStyle = style.line;
  context.lineWidth = 1;
  context.strokeRect(rect.x - 0.5, rect.y - 0.5, rect.width + 1, rect.height + 1);
  return most;
}

function tileOf(matrix, most, colours) {
  const tile = document.createElement("canvas");
  tile.width = matrix[0].length;
  tile.height = matrix.length;
  const image = new ImageData(tile.width, tile.height);
  matrix.flat().forEach((value, i) => {
    const share = most > 0 && Number.isFinite(value) ? value / most : 0;
    image.data.set([...colours[Math.round(SHADES * (1 + share))], 255], 4 * i);
  });
  tile.getContext("2d").putImageData(image, 0, 0);
  return tile;
}

/** Put a small minus into the cells that are clearly negative: colour is not the only sign of it. */
function markNegative(context, rect, matrix, most, style) {
  const width = rect.width / matrix[0].length;
  const height = rect.height / matrix.length;
  context.beginPath();
  matrix.forEach((row, i) =>
    row.forEach((value, j) => {
      if (!(value < -0.4 * most)) return;
      const y = rect.y + (i + 0.5) * height;
      context.moveTo(rect.x + (j + 0.28) * width, y);
      context.lineTo(rect.x + (j + 0.72) * width, y);
    })
  );
  context.strokeStyle = style.surface;
  context.lineWidth = 1;
  context.stroke();
}

/** Paint the scale of a heat map below it: its colours, and the numbers at its ends. */
export function paintScale(context, rect, most, figure, style) {
  const y = rect.y + rect.height + 5;
  const width = Math.min(46, rect.width - 70);
  const x = rect.x + (rect.width - width) / 2;
  const ramp = context.createLinearGradient(x, 0, x + width, 0);
  [style.negative, style.zero, style.positive].forEach((shade, i) => ramp.addColorStop(i / 2, shade));
  context.fillStyle = ramp;
  context.fillRect(x, y + 1, width, 6);
  context.fillStyle = style.muted;
  context.font = style.small;
  context.textAlign = "right";
  context.fillText(figure(-most, 2), x - 4, y + 8);
  context.textAlign = "left";
  context.fillText(figure(most, 2), x + width + 4, y + 8);
}
