/* Some rows of the data, as the server shows them: asked for once, until the data are others. Topic "rows". */

import { emit, on, request, store } from "./store.js";

const found = new Map();
let known = "";
let version = null;

/** Return the promise of up to 1000 rows in the plane of two features, by their numbers. */
export function dataRows(x = 0, y = 1) {
  const key = `${x} ${y}`;
  if (!found.has(key)) {
    const asked = request("preview", { x, y });
    found.set(key, asked);
    asked.catch(() => found.delete(key));
  }
  return found.get(key);
}

/** Return the class of a row, or its number, as text. */
export function targetText(value, say) {
  const { classes } = store.state.data;
  return classes ? (classes[value] ?? "–") : say(value);
}

/** Tell whether the rows are pictures: as many features as a square has places, and no value below 0. */
export function arePictures({ images }) {
  return Boolean(images) && images.pixels.every(pixels => pixels.every(value => value >= 0));
}

on("state", async () => {
  const { data, training, run } = store.state;
  const now = JSON.stringify([data, training.validation_split, training.split_seed]);
  const begun = run.epoch === 0 && version !== store.state.version;
  version = store.state.version;
  if (now === known && !(begun && (await areOthers()))) return;
  known = now;
  found.clear();
  emit("rows");
});

/** Tell whether the rows differ from those that are known: another table may have the same columns and counts. */
async function areOthers() {
  const both = [found.get("0 1"), request("preview", {})];
  const [before, now] = await Promise.all(both).catch(() => [null, null]);
  return JSON.stringify(before) !== JSON.stringify(now);
}
