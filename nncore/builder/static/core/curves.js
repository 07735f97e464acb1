/* The curves of a run, as far as the page has them: from the server as a whole, by frames, and what is new on demand.
 * Their epochs count those that are done, from 1. */

import { dictionary } from "./dictionary.js";

const MOST_POINTS = 2000; // of a curve; beyond that every other one is dropped

/** What of a frame is no column of the history. */
export const NO_COLUMNS = new Set(["version", "epoch", "batch", "n_batches", "batch_loss", "running_loss", "rate_now", "samples_per_second", "gradient_rows", "batch_rows", "gradient_norms", "layers", "edges"]);

/** Return curves without a point. */
export function noCurves() {
  return { epoch: [], columns: {}, layers: dictionary() };
}

/** Return the curves that the server has sent. */
export function received({ epoch, columns, layers }) {
  const counted = Object.entries(layers).map(([name, layer]) => [name, { ...layer, epoch: layer.epoch.map(done) }]);
  return { epoch: epoch.map(done), columns, layers: dictionary(Object.fromEntries(counted)) };
}

/** Append what a frame tells of the last epoch. */
export function append({ epoch, columns, layers }, frame) {
  if (frame.epoch > (epoch.at(-1) ?? 0)) {
    for (const [name, column] of Object.entries(columns)) column.push(frame[name] ?? null);
    if (!epoch.length) for (const name of names(frame)) columns[name] = [frame[name]];
    epoch.push(frame.epoch);
    thin(epoch, columns);
  }
  for (const [name, record] of Object.entries(frame.layers)) {
    const layer = (layers[name] ??= { epoch: [] });
    if (done(record.epoch) <= (layer.epoch.at(-1) ?? 0)) continue;
    for (const [key, value] of Object.entries(record)) {
      if (key !== "epoch" && key !== "histogram") (layer[key] ??= []).push(value);
    }
    layer.epoch.push(done(record.epoch));
    thin(layer.epoch, layer);
  }
}

/** Put what the server has sent of the epochs after `known` in the place of what frames have told of them. */
export function extend(curves, known, more) {
  const { epoch, columns, layers } = received(more);
  const last = epoch.at(-1) ?? known;
  spliced(curves.epoch, curves.columns, { epoch, ...columns }, known, last);
  for (const [name, layer] of Object.entries(layers)) {
    const there = (curves.layers[name] ??= { kind: layer.kind, activation: layer.activation, epoch: [] });
    spliced(there.epoch, there, layer, known, last);
  }
}

/** Replace the points after `known` up to `last` in all columns; what one of them lacks is null. */
function spliced(epoch, columns, { epoch: epochs, ...values }, known, last) {
  const first = epoch.findIndex(one => one > known);
  const start = first < 0 ? epoch.length : first;
  const end = epoch.findLastIndex(one => one <= last) + 1;
  const gone = Math.max(0, end - start);
  for (const [name, column] of Object.entries(values)) if (Array.isArray(column)) columns[name] ??= epoch.map(() => null);
  for (const [name, column] of Object.entries(columns)) {
    if (Array.isArray(column) && column !== epoch) column.splice(start, gone, ...(values[name] ?? epochs.map(() => null)));
  }
  epoch.splice(start, gone, ...epochs);
  thin(epoch, columns);
}

function done(epoch) {
  return epoch + 1;
}

function names(frame) {
  return Object.keys(frame).filter(name => !NO_COLUMNS.has(name));
}

function thin(epoch, columns) {
  if (epoch.length <= MOST_POINTS) return;
  const keep = (_, i) => i % 2 === 0 || i === epoch.length - 1;
  const kept = epoch.filter(keep);
  const others = Object.values(columns).filter(column => Array.isArray(column) && column !== epoch);
  for (const column of others) column.splice(0, column.length, ...column.filter(keep));
  epoch.splice(0, epoch.length, ...kept);
}
