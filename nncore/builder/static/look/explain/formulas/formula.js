/* The formulas of activations and losses as the core writes them, "max(0, x)", read and set as mathematics.
 *
 * The grammar is that of the core's documentation: numbers, names with an index (x_j), + - * / **, calls, |x|,
 * p[target], `a if b else c`, and sum_j or mean_j of what follows.
 */

import { apart, fenced, fraction, name, power, root, row, sign, sub, sumOf, sumOver, words } from "./mathml.js";

const TOKENS = /\s*(\d+\.?\d*|[A-Za-z]\w*|\*\*|<=|>=|[-+*/()[\]|,<>])/gy;

/** Return the tree of a formula: [kind, ...parts]. */
export function parse(text) {
  const tokens = [...text.matchAll(TOKENS)].map(found => found[1]);
  return new Parser(tokens).choice();
}

class Parser {
  constructor(tokens) {
    this.tokens = tokens;
    this.place = 0;
  }

  next() {
    return this.tokens[this.place];
  }

  take(...wanted) {
    return wanted.includes(this.next()) ? this.tokens[this.place++] : null;
  }

  choice() {
    const first = this.chain(["+", "-"], () => this.product());
    if (!this.take("if")) return first;
    const left = this.choice();
    const condition = ["compare", this.take("<", ">", "<=", ">="), left, this.choice()];
    this.take("else");
    return ["choice", first, condition, this.choice()];
  }

  product() {
    return this.chain(["*", "/"], () => this.signed());
  }

  chain(signs, part) {
    let left = part();
    for (let found = this.take(...signs); found; found = this.take(...signs)) left = [found, left, part()];
    return left;
  }

  signed() {
    if (this.take("-")) return ["minus", this.signed()];
    const base = this.atom();
    return this.take("**") ? ["power", base, this.signed()] : base;
  }

  atom() {
    if (this.take("(")) return ["group", this.closed(")")];
    if (this.take("|")) return ["size", this.closed("|")];
    const word = this.tokens[this.place++];
    if (/^\d/.test(word)) return ["number", word];
    const [, stem, index] = word.match(/^(.+?)(?:_([a-z]))?$/);
    if (stem === "sum" || stem === "mean") return [stem, index, this.signed()];
    if (this.take("[")) return ["name", stem, this.closed("]")[1]];
    if (!this.take("(")) return ["name", stem, index ?? null];
    const given = [this.choice()];
    while (this.take(",")) given.push(this.choice());
    this.take(")");
    return ["call", stem, given];
  }

  closed(end) {
    const inside = this.choice();
    this.take(end);
    return inside;
  }
}

/** Return the formula as mathematics.
 *
 * @param tree what `parse` returned
 * @param known (name, index, at) => what stands for a name, null for itself; `at` is the place in a sum, if any
 * @param width how many terms sums have, if they are to be written out
 */
export function typeset(tree, known, width = null, at = null) {
  const inner = part => typeset(part, known, width, at);
  const bare = part => inner(part[0] === "group" ? part[1] : part);
  const [kind, first, second, third] = tree;
  const ways = {
    number: () => ["mn", first],
    name: () => known(first, second, at) ?? (second ? sub(first, second) : first.length > 1 ? words(first.replaceAll("_", " ")) : name(first)),
    group: () => fenced(inner(first)),
    size: () => row(sign("|"), ...opened(inner(first)), sign("|")),
    minus: () => row(sign("−"), first[0] === "sum" && width > 1 ? fenced(inner(first)) : apart(inner(first))),
    power: () => power(apart(inner(first)), bare(second)),
    "+": () => row(inner(first), sign("+"), apart(inner(second))),
    "-": () => row(inner(first), sign("−"), apart(inner(second))),
    "*": () => row(inner(first), sign("·"), apart(inner(second))),
    "/": () => fraction(bare(first), bare(second)),
    compare: () => row(inner(second), sign({ "<=": "≤", ">=": "≥" }[first] ?? first), inner(third)),
    choice: () => row(inner(first), words(" if "), inner(second), words(", else "), inner(third)),
    call: () => called(first, second.map(inner)),
    sum: () => over(first, second, known, width),
    mean: () => mean(first, second, known, width),
  };
  return ways[kind]();
}

/** Return what is between brackets, without them. */
function opened(node) {
  return node[1]?.[1] === "(" ? node.slice(2, -1) : [node];
}

function called(function_, given) {
  if (function_ === "sqrt") return root(given[0]);
  const inside = given.flatMap((part, i) => (i ? [sign(","), part] : [part]));
  return row(name(function_), fenced(...inside));
}

function over(index, body, known, width) {
  if (width === null) return sumOver(index, typeset(body, known));
  return sumOf(Array.from({ length: Math.min(width, 4) }, (_, at) => typeset(body, known, width, at)), width);
}

function mean(index, body, known, width) {
  if (width === 1) return typeset(body[0] === "group" ? body[1] : body, known, 1, 0);
  if (width === null) return row(sub("mean", index), typeset(body, known));
  return fraction(over(index, body, known, width), ["mn", String(width)]);
}
