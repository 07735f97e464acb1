/* What a frame says of the edges in the drawing: weights, gradients, scales, and which layers starve or explode. */

import { store } from "../core/store.js";

const SPAN = 6; // decades of the scale of gradients
export const MOST_MOVING = 24; // edges of a layer along which something travels: those of the largest gradient
const MOST_FLOWING = 32; // the same, of what goes forward

/** Return the values of a frame, or of an explained step, for a scene.
 *
 * groups: by layer, {entry, edges [{from, to, weight, gradient}], moving, condition}; arcs: by residual layer, its
 * projection's name and entry; weight, gradient, norm, change: the scales; starving, fading, exploding: names. Edges of
 * an explained step have their change, too, and x: what they read, for each of its first rows. */
export function valuesOf(scene, frame) {
  const groups = new Map();
  for (const { name } of scene.groups) {
    const entry = frame.edges[name];
    if (entry) groups.set(name, { entry, edges: edgesOf(entry) });
  }
  const arcs = new Map(scene.arcs.map(({ name }) => [name, projection(frame, name)]));
  const edges = [...groups.values()].flatMap(group => group.edges);
  const values = {
    groups,
    arcs,
    weight: largest(edges.map(edge => edge.weight)),
    gradient: decades(largest(edges.map(edge => edge.gradient))),
    norm: decades(largest(Object.values(frame.gradient_norms))),
    change: decades(largest(edges.map(edge => edge.change))),
    ...conditions(frame),
  };
  for (const group of groups.values()) group.moving = moving(group.edges);
  for (const [name, group] of groups) group.condition = conditionOf(values, name);
  return values;
}

function edgesOf(entry) {
  const { strongest, weight, gradient, change, x } = entry;
  if (!strongest) return weight.flatMap((row, from) => row.map((w, to) => ({ from, to, weight: w, gradient: gradient[from][to], change: change?.[from][to], x: x?.map(values => values[from]) })));
  const [changes, read] = [entry.strongest_change, entry.strongest_x];
  return strongest.map(([from, to, w, g], i) => ({ from, to, weight: w, gradient: g, change: changes?.[i], x: read?.[i] }));
}

function moving(edges) {
  return heaviest(edges, edge => edge.gradient, MOST_MOVING);
}

/** Return the edges of an explained step that change, those that change most first: as many as move at most. */
export function changing(edges) {
  return heaviest(edges, edge => edge.change, MOST_MOVING);
}

/** Return the edges along which most goes forward in a row of an explained step. */
export function flowing(edges, row) {
  return heaviest(edges, edge => flowOf(edge, row), MOST_FLOWING);
}

/** Return what an edge adds to its unit in a row: its weight times what it reads. */
export function flowOf({ weight, x }, row) {
  return x ? weight * x[row] : 0;
}

/** Return the largest size of what goes along any edge in a row. */
export function largestFlow(values, row) {
  return largest([...values.groups.values()].flatMap(({ edges }) => edges.map(edge => flowOf(edge, row))));
}

function heaviest(edges, of, most) {
  const size = edge => (Number.isFinite(of(edge)) ? Math.abs(of(edge)) : 0);
  return edges.filter(edge => size(edge) > 0).sort((a, b) => size(b) - size(a)).slice(0, most);
}

function projection(frame, name) {
  const found = `${name}.projection`;
  return found in frame.edges ? { name: found, entry: frame.edges[found] } : null;
}

/** Return the largest size among numbers, 0 if there is none; what is null or not finite is left out. */
export function largest(numbers) {
  return numbers.reduce((most, value) => (Number.isFinite(value) && Math.abs(value) > most ? Math.abs(value) : most), 0);
}

/** Return the scale for sizes up to `most`: whole decades, so that it does not shiver from frame to frame. */
function decades(most) {
  const top = most > 0 ? Math.ceil(Math.log10(most)) : 0;
  return { top: 10 ** top, bottom: 10 ** (top - SPAN) };
}

/** Return where a size is on a logarithmic scale, from 0 at its bottom or below to 1 at its top. */
export function along(scale, value) {
  const size = Math.abs(value);
  if (!(size > 0)) return 0;
  return Math.min(1, Math.max(0, 1 + Math.log10(size / scale.top) / SPAN));
}

function conditions({ gradient_norms: norms }) {
  const told = Object.keys(norms).map(name => [name, conditionIn(norms, name)]);
  const named = condition => told.filter(([, one]) => one === condition).map(([name]) => name);
  return { exploding: named("exploding"), starving: named("starving"), fading: named("fading") };
}

/** Return what the norms of a frame, by layer in their order, say of the gradient of one: see `conditionOfNorm`. */
export function conditionIn(norms, name) {
  const all = Object.values(norms);
  return conditionOfNorm(norms[name], all.at(-1), largest(all));
}

/** Return what a norm says of the gradient of a layer, by the doctor's limits: "exploding", "starving", "fading" or "".
 * `last` is the norm of the last layer, `most` the largest one. Where activations grow on their way forward as deltas do
 * on their way back, all norms are alike and huge: the limit holds for the number itself as well. */
export function conditionOfNorm(norm, last, most) {
  const { exploding, starving, fading } = store.schema.limits.gradient;
  if (!Number.isFinite(norm) || norm > exploding * Math.min(1, last ?? 1)) return "exploding";
  if (norm < starving * most) return "starving";
  return norm < fading * most ? "fading" : "";
}

/** Return "starving", "fading", "exploding", or "" for a layer that is well. */
export function conditionOf(values, name) {
  return ["exploding", "starving", "fading"].find(condition => values[condition].includes(name)) ?? "";
}

/** Return how strongly an edge is drawn, from 0 to 1: by its weight, or by its gradient on a logarithmic scale. */
export function strength(values, mode, edge) {
  if (mode === "gradients") return along(values.gradient, edge.gradient);
  return values.weight > 0 && Number.isFinite(edge.weight) ? Math.abs(edge.weight) / values.weight : 0;
}
