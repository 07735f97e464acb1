/* The line below the drawing: in words and figures what one points at. */

import { count, figure, percent } from "../core/format.js";
import { blocks, detailOf } from "./geometry.js";
import { normText } from "./norms.js";

/** Return what is said of a node, an edge, a cell of a heat map or a layer. */
export function describe(scene, values, frame, found) {
  const column = scene.columns[found.index];
  const said = { node: describeNode, edge: describeEdge, cell: describeCell, column: describeColumn };
  return said[found.kind](scene, values, frame, found, column);
}

/** Return the name of a unit: that of the feature or class it stands for, or its number. */
function unitName(column, unit) {
  const label = column.labels?.[unit];
  if (column.kind === "input") return label ?? `input ${unit}`;
  return label ? `unit ${unit} (${label})` : `unit ${unit}`;
}

function describeNode(scene, values, frame, { index, unit }, column) {
  const entry = values.groups.get(column.name)?.entry;
  const record = frame.layers[column.name];
  const parts = column.kind === "input" ? [`input ${count(unit + 1)} of ${count(column.n)}`] : [];
  if (entry?.bias) parts.push(`bias ${figure(entry.bias[unit])}`);
  if (record) parts.push(`mean activation of the layer ${figure(record.activation_mean)}`);
  parts.push(...heaviest(scene, values, index, unit));
  const name = column.kind === "input" ? unitName(column, unit) : `${column.name} ${unitName(column, unit)}`;
  return `${name}: ${parts.join(", ")}`;
}

/** Return in words the edge of the largest weight into a unit, or out of an input. */
function heaviest(scene, values, index, unit) {
  const into = scene.groups.find(group => group.to === index);
  const group = into ?? scene.groups.find(one => one.from === index);
  const edges = (values.groups.get(group.name)?.edges ?? []).filter(edge => (into ? edge.to : edge.from) === unit);
  if (!edges.length) return [];
  const best = edges.reduce((most, edge) => (Math.abs(edge.weight) > Math.abs(most.weight) ? edge : most));
  const other = into ? scene.columns[group.from] : scene.columns[group.to];
  const figures = `weight ${figure(best.weight)}, gradient ${figure(best.gradient)}`;
  return [`heaviest edge ${into ? "from" : "to"} ${unitName(other, into ? best.from : best.to)}: ${figures}`];
}

function describeEdge(scene, values, frame, { group, edge }, column) {
  const from = scene.columns[group.from];
  const name = from.kind === "input" ? unitName(from, edge.from) : `${from.name} ${unitName(from, edge.from)}`;
  const to = `${column.name} ${unitName(column, edge.to)}`;
  return `edge ${name} → ${to}: weight ${figure(edge.weight)}, gradient ${figure(edge.gradient)}`;
}

function describeCell(scene, values, frame, { group, row, column }) {
  const { entry } = values.groups.get(group.name);
  const inputs = range(blocks(group.shape[0], entry.weight.length), row);
  const units = range(blocks(group.shape[1], entry.weight[0].length), column);
  const figures = `weight ${figure(entry.weight[row][column])}, gradient ${figure(entry.gradient[row][column])}`;
  return `${group.name}, inputs ${inputs} → units ${units}: mean ${figures}`;
}

function range(starts, part) {
  const [first, last] = [starts[part], starts[part + 1] - 1];
  return first === last ? `${first}` : `${first} to ${last}`;
}

function describeColumn(scene, values, frame, found, column) {
  if (column.kind === "input") return `inputs: ${detailOf(column)}`;
  const record = frame.layers[column.name];
  const group = values.groups.get(column.name);
  const parts = column.kind === "mark" ? [`${column.layer.type}, ${count(column.n)} wide`] : [detailOf(column)];
  if (group) parts.push(`gradient norm ${normText(group.entry.gradient_norm)}${group.condition ? ` (${group.condition})` : ""}`);
  if (record) {
    parts.push(`mean activation ${figure(record.activation_mean)}`);
    if (record.update_ratio !== null) parts.push(`update ratio ${figure(record.update_ratio)}`);
    if (record.dead !== null) parts.push(`dead ${percent(record.dead)}`);
    if (record.saturated !== null) parts.push(`saturated ${percent(record.saturated)}`);
  }
  return `${column.name}: ${parts.join(", ")}`;
}
