/* Formulas as texts, for tests: fractions in brackets, roots with their sign. */

/** Return the text of a tree of `mathml.js`. */
export function text(node) {
  if (typeof node === "string") return node;
  const [tag, ...children] = node;
  const parts = children.map(text);
  if (tag === "mfrac") return `(${parts[0]})/(${parts[1]})`;
  if (tag === "msqrt") return `√(${parts.join("")})`;
  if (tag === "msup") return `${parts[0]}^${parts[1]}`;
  return parts.join("");
}
