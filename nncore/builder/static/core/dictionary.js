/* Objects that are looked up by names from outside, such as those of layers: a plain one would find "constructor",
 * "toString" and "__proto__" in every network. */

/** Return the entries of an object, or none, in one that has nothing but them. */
export function dictionary(entries = {}) {
  return Object.assign(Object.create(null), entries);
}

const BY_LAYER = ["layers", "edges", "gradient_norms"];

/** Return a frame, or an explained step, whose parts that are by layer are dictionaries. */
export function byLayer(frame) {
  const parts = BY_LAYER.filter(part => frame[part] && !Array.isArray(frame[part]));
  return { ...frame, ...Object.fromEntries(parts.map(part => [part, dictionary(frame[part])])) };
}
