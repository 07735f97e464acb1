/* Where everything in the drawing is. Pure functions: state and size in, positions out; nothing is painted here.
 *
 * A scene has columns (inputs, layers of units, and marks for layers without units), groups (the edges of one weight,
 * between two columns of nodes) and arcs (skip connections). Lengths are in units of 1/14 of the page's type size.
 */

import { count, counted } from "../core/format.js";
import { sizeOf } from "../core/paths.js";

const MOST_NODES = 24; // of a column that shows each of its units; the server sends larger weights pooled

const MARGIN = { top: 4, left: 64, right: 44, letter: 6.4, label: 104, longest: 320 };
const HEADING = 34;
const ARC = 20; // height of one storey of skip connections
const HEAT = { height: 62, scale: 14, caption: 28, gap: 8 };
const NORM = 50; // height of the row of gradient norms
const GAP = { plain: 66, pooled: 128, good: 170, most: 280 };
const MARK = { first: 30, next: 26 };
const PITCH = 42; // the farthest that two nodes are apart

/** Return columns, groups and arcs of a network, without positions. */
function structure(state) {
  const columns = [{ kind: "input", name: "inputs", n: state.data.n_features, card: null, labels: state.data.features }];
  const groups = [];
  const arcs = [];
  let number = 0;
  const visit = (layer, card, depth) => {
    const name = state.names[number++];
    const before = columns.length - 1;
    if (layer.layers) {
      const arc = { name, card, depth, from: before };
      arcs.push(arc);
      for (const inner of layer.layers) visit(inner, card, depth + 1);
      arc.to = columns.length - 1;
    } else if (layer.units) {
      groups.push({ name, card, layer, from: nodesBefore(columns, before), exit: before, to: columns.length });
      columns.push({ kind: "units", name, card, layer, n: layer.units });
    } else {
      const n = widthOf(layer, columns[before].n);
      columns.push({ kind: "mark", name, card, layer, n, rearranges: n !== columns[before].n });
      number += sizeOf(layer) - 1;
    }
  };
  state.layers.forEach((layer, card) => visit(layer, card, 1));
  const last = columns[nodesBefore(columns, columns.length - 1)];
  if (last.kind === "units") last.labels = answers(state.data, last.n);
  return { columns, groups, arcs };
}

/** Return the column of nodes from which edges go; the mark of a layer that hands on others than it reads is one. */
function nodesBefore(columns, index) {
  while (columns[index].kind === "mark" && !columns[index].rearranges) index -= 1;
  return index;
}

/** Return how many values a layer makes of n: those that the page has no form for know it in these ways. */
function widthOf({ units, columns, output_dim, num_tokens, layers, branches }, n) {
  const through = list => list.reduce((width, layer) => widthOf(layer, width), n);
  if (branches) return branches.reduce((sum, branch) => sum + through(branch), 0);
  return units ?? columns?.length ?? output_dim ?? (num_tokens ? n * num_tokens : through(layers ?? []));
}

/** Return what the outputs stand for: a class each, the second of two, or the target. */
function answers(data, n) {
  if (!data.classes) return n === 1 ? [data.target] : [];
  if (n === data.classes.length) return data.classes;
  return n === 1 ? [data.classes[1]] : [];
}

/** Return what is said below the name of a column: how many, and the activation. */
export function detailOf(column) {
  if (column.kind === "input") return counted(column.n, "feature");
  const activation = column.layer.activation?.name;
  return activation && activation !== "identity" ? `${count(column.n)} ${activation}` : counted(column.n, "unit");
}

/** Return the scene: the structure with positions for a canvas of that size; it is wider where it must be. */
export function sceneOf(state, width, height) {
  const scene = structure(state);
  const storeys = Math.max(0, ...scene.arcs.map(arc => arc.depth));
  for (const group of scene.groups) group.pooled = isWide(scene.columns[group.from]) || isWide(scene.columns[group.to]);
  const heat = scene.groups.some(group => group.pooled) ? HEAT.height + HEAT.scale + HEAT.caption + HEAT.gap : 0;
  const top = MARGIN.top + HEADING + storeys * ARC + 6;
  const band = { top, bottom: height - NORM - heat - 8 };
  Object.assign(scene, { height, storeys, band, heatTop: band.bottom + HEAT.gap, normTop: height - NORM });
  place(scene, width);
  for (const column of scene.columns) spreadNodes(column, band);
  for (const group of scene.groups) placeGroup(scene, group);
  for (const arc of scene.arcs) placeArc(scene, arc);
  return scene;
}

function isWide(column) {
  return column.n > MOST_NODES;
}

function place(scene, width) {
  const { columns, groups } = scene;
  const least = groups.map(group => (group.pooled ? GAP.pooled : GAP.plain));
  const marks = columns.map((column, i) => (column.kind === "mark" ? (columns[i - 1].kind === "mark" ? MARK.next : MARK.first) : 0));
  const spare = (width - GAP.good * groups.length - sum(marks)) / 2;
  const most = Math.min(MARGIN.longest, Math.max(MARGIN.label, spare));
  const [left, right] = ["input", "units"].map(kind => roomForLabels(columns, kind, most));
  const natural = left + right + sum(least) + sum(marks);
  const gaps = levelled(least, Math.max(0, width - natural));
  scene.width = Math.max(width, natural);
  let x = left + Math.max(0, (scene.width - left - right - sum(gaps) - sum(marks)) / 2);
  let next = 0;
  columns.forEach((column, i) => {
    if (column.kind === "units") x += gaps[next++];
    else x += marks[i];
    column.x = x;
  });
  columns.forEach((column, i) => (column.aside = i === columns.length - 1 ? scene.width - column.x : i ? MARGIN.label : column.x));
}

/** Share room out among gaps so that they become as equal as can be. */
function levelled(least, extra) {
  let [low, high] = [0, GAP.most];
  for (let i = 0; i < 30; i += 1) {
    const level = (low + high) / 2;
    if (sum(least.map(gap => Math.max(0, level - gap))) > extra) high = level;
    else low = level;
  }
  return least.map(gap => Math.max(gap, low));
}

function roomForLabels(columns, kind, most) {
  const named = columns.filter(column => column.kind === kind && !isWide(column)).flatMap(column => column.labels ?? []);
  const longest = Math.max(0, ...named.map(label => label.length));
  return Math.max(kind === "input" ? MARGIN.left : MARGIN.right, Math.min(22 + longest * MARGIN.letter, most));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function spreadNodes(column, band) {
  const height = band.bottom - band.top;
  column.wide = isWide(column);
  column.pitch = column.wide ? height / column.n : Math.min(PITCH, height / column.n);
  column.first = (band.top + band.bottom - column.pitch * (column.n - 1)) / 2;
  column.radius = column.wide ? 2.2 : Math.max(2.2, Math.min(10, 0.36 * column.pitch));
}

/** Return the height of a unit's node. */
export function nodeY(column, unit) {
  return column.first + unit * column.pitch;
}

function placeGroup(scene, group) {
  const { columns } = scene;
  const exit = columns[group.exit];
  group.start = exit.kind === "mark" ? exit.x + 10 : exit.x;
  group.end = columns[group.to].x;
  group.shape = [columns[group.from].n, columns[group.to].n];
  if (!group.pooled) return;
  const wide = Math.min(group.end - group.start - 26, 150);
  group.heat = { x: (group.start + group.end - wide) / 2, y: scene.heatTop, width: wide, height: HEAT.height };
}

function placeArc(scene, arc) {
  const edge = (column, side) => (column.kind === "mark" ? column.x + 10 * side : column.x);
  arc.x0 = edge(scene.columns[arc.from], 1);
  arc.x1 = edge(scene.columns[arc.to], 1);
  arc.y = MARGIN.top + HEADING + ARC * (arc.depth - 1) + 12;
  arc.foot = scene.band.top;
}

/** Return the line of an edge, from the unit that gives to the one that takes. */
export function lineOf(scene, group, edge) {
  const from = scene.columns[group.from];
  const to = scene.columns[group.to];
  return { x0: group.start, y0: nodeY(from, edge.from), x1: group.end, y1: nodeY(to, edge.to) };
}

/** Return the units that a column shows a node for: all, or those that an edge shown begins or ends at. */
export function shownUnits(scene, values, index) {
  const column = scene.columns[index];
  if (!column.wide) return Array.from({ length: column.n }, (_, unit) => unit);
  const found = new Set();
  for (const group of scene.groups) {
    const edges = values.groups.get(group.name)?.edges ?? [];
    if (group.from === index) for (const edge of edges) found.add(edge.from);
    if (group.to === index) for (const edge of edges) found.add(edge.to);
  }
  return [...found].sort((a, b) => a - b);
}

/** Return left and right end of what belongs to some columns side by side: they, and the edges into the first. */
export function extentOf({ columns, groups }, first, last = first) {
  const reach = index => (columns[index + 1] ? Math.min(34, (columns[index + 1].x - columns[index].x) / 2) : 34);
  const into = groups.find(group => group.to === first);
  if (!into) return [columns[first].x - (first ? 13 : 34), columns[last].x + reach(last)];
  const before = columns[into.exit].kind === "mark" ? 4 : Math.min(34, (into.end - into.start) / 2);
  return [into.start + before, columns[last].x + reach(last)];
}

/** Return the first unit of each block of a pooled axis, and the end of the last: the server's own division. */
export function blocks(size, parts) {
  return Array.from({ length: parts + 1 }, (_, part) => Math.floor((part * size) / parts));
}

/** Return what is at a point: a node, an edge, a cell of a heat map, a layer; null where there is nothing. */
export function hit(scene, values, x, y) {
  return nodeAt(scene, values, x, y) ?? cellAt(scene, values, x, y) ?? edgeAt(scene, values, x, y) ?? columnAt(scene, x);
}

/** Return what was pointed at among the values of now; null if it is no longer there. */
export function again(scene, values, found) {
  if (!found || found.index >= scene.columns.length) return null;
  if (!found.group) return found;
  const group = scene.groups.find(one => one.name === found.group.name);
  const known = group && values.groups.get(group.name);
  if (!known || found.kind === "cell") return known && group.heat ? { ...found, group } : null;
  const edge = known.edges.find(({ from, to }) => from === found.edge.from && to === found.edge.to);
  return edge ? { ...found, group, edge } : null;
}

function nodeAt(scene, values, x, y) {
  for (const [index, column] of scene.columns.entries()) {
    const reach = Math.max(12, column.radius + 3);
    if (column.kind === "mark" || Math.abs(x - column.x) > reach) continue;
    const units = shownUnits(scene, values, index);
    const away = unit => Math.abs(nodeY(column, unit) - y);
    const nearest = units.reduce((best, unit) => (best === null || away(unit) < away(best) ? unit : best), null);
    if (nearest !== null && away(nearest) <= Math.max(column.pitch / 2, 6)) return { kind: "node", index, unit: nearest };
  }
  return null;
}

function cellAt(scene, values, x, y) {
  for (const group of scene.groups) {
    const { heat } = group;
    const matrix = values.groups.get(group.name)?.entry.weight;
    if (!heat || !matrix || x < heat.x || x >= heat.x + heat.width || y < heat.y || y >= heat.y + heat.height) continue;
    const row = Math.floor(((y - heat.y) / heat.height) * matrix.length);
    const column = Math.floor(((x - heat.x) / heat.width) * matrix[0].length);
    return { kind: "cell", group, index: group.to, row, column };
  }
  return null;
}

function edgeAt(scene, values, x, y) {
  const group = scene.groups.find(one => x > one.start && x < one.end);
  if (!group || y < scene.band.top - 4 || y > scene.band.bottom + 4) return null;
  let best = null;
  let nearest = 5;
  for (const edge of values.groups.get(group.name)?.edges ?? []) {
    const { x0, y0, x1, y1 } = lineOf(scene, group, edge);
    const slope = (y1 - y0) / (x1 - x0);
    const away = Math.abs(y0 + slope * (x - x0) - y) / Math.hypot(1, slope);
    if (away < nearest) [best, nearest] = [edge, away];
  }
  return best && { kind: "edge", group, index: group.to, edge: best };
}

function columnAt(scene, x) {
  const near = scene.columns.findIndex(column => Math.abs(column.x - x) <= 13);
  if (near >= 0) return { kind: "column", index: near };
  const group = scene.groups.find(one => x > one.start && x < one.end);
  return group ? { kind: "column", index: group.to } : null;
}
