/* Formulas as plain trees, [tag, ...children], and MathML out of them, which browsers draw by themselves. */

import { figure } from "../../../core/format.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const MOST_TERMS = 3; // of a sum that is written out

export const row = (...parts) => ["mrow", ...parts.filter(part => part !== null)];
export const name = text => ["mi", text];
export const sign = text => ["mo", text];
export const words = text => ["mtext", text];
export const fraction = (above, below) => ["mfrac", above, below];
export const power = (base, exponent) => ["msup", base, exponent];
export const root = content => ["msqrt", content];
export const fenced = (...content) => row(sign("("), ...content, sign(")"));
export const equals = sign("=");
export const transposed = base => power(base, ["mi", "T"]);

/** Return a symbol with indices: sub("x", 1, 3) is x with 1,3 below. "dW" is two letters, d and W. */
export function sub(symbol, ...indices) {
  const one = index => (typeof index === "number" ? ["mn", String(index)] : name(index));
  return ["msub", letters(symbol), row(...joined(indices.map(one), sign(",")))];
}

/** Return a symbol of one letter or more: "dW" is a derivative, and is written with both letters slanted. */
export function letters(symbol) {
  return symbol.length > 1 && symbol[0] === "d" ? row(...[...symbol].map(name)) : name(symbol);
}

/** Return a number as it is read; `apart` puts one with a sign into brackets, as behind an operator. */
export function value(number, apart = false) {
  const text = figure(number);
  const negative = text.startsWith("−");
  const [digits, exponent] = text.slice(negative ? 1 : 0).split("e");
  const ten = exponent === undefined ? [] : [sign("·"), power(["mn", "10"], integer(exponent))];
  const shown = ten.length ? String(Number(digits)) : digits;
  const whole = row(negative ? sign("−") : null, ["mn", shown], ...ten);
  return apart && negative ? fenced(whole) : whole;
}

function integer(text) {
  const digits = text.replace(/^[-−]/, "");
  return digits === text ? ["mn", digits] : row(sign("−"), ["mn", digits]);
}

/** Return what is between brackets if it begins with a minus. */
export function apart(node) {
  return node[0] === "mrow" && node[1]?.[0] === "mo" && node[1][1] === "−" ? fenced(node) : node;
}

/** Return a sum over an index. */
export function sumOver(index, body) {
  return row(["munder", sign("∑"), name(index)], body);
}

/** Return the first terms of a sum of `total`; what is left out is three dots. */
export function sumOf(terms, total = terms.length) {
  const few = total <= MOST_TERMS + 1 ? terms : terms.slice(0, MOST_TERMS);
  const shown = few.length < total ? [...few, sign("⋯")] : few;
  return row(...joined(shown, sign("+")));
}

/** Return a gradient that is the sum of the deltas of one unit over all `n` rows: dbᵢ = Σ dz. */
export function summed(symbol, unit, deltas, n, total) {
  return row(sub(symbol, unit), equals, sumOver("i", sub("dz", "i", unit)), equals, sumOf(deltas.map((one, i) => value(one, i > 0)), n), equals, value(total));
}

/** Return the product of two factors, which are written side by side; numbers get a dot between them. */
export function product(left, right) {
  return row(left, sign("·"), apart(right));
}

/** Return parts with something between them. */
export function joined(parts, between) {
  return parts.flatMap((part, i) => (i ? [between, part] : [part]));
}

/** Return the elements of a formula: one for each side of its equals signs, so that a line may break there. */
export function drawn([, ...parts]) {
  const sides = [[]];
  for (const part of parts) {
    if (part === equals && sides.at(-1).length) sides.push([]);
    sides.at(-1).push(part);
  }
  return sides.map(side => {
    const math = document.createElementNS(MATHML, "math");
    math.setAttribute("displaystyle", "true");
    math.append(element(row(...side)));
    return math;
  });
}

function element([tag, ...children]) {
  const made = document.createElementNS(MATHML, tag);
  for (const child of children) made.append(typeof child === "string" ? child : element(child));
  return made;
}
