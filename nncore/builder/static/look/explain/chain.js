/* The layers of an explained step in the order in which they work, and what each of them reads. */

import { sizeOf } from "../../core/paths.js";

/** Return nodes {name, step, spec, before, inner, last, shared}, those inside a residual group before the group.
 *
 * `before` is the node whose output one reads, null for the first; `last` is the last one inside a group; `shared` says
 * that what it reads is read by a group's skip connection, too, so that no single gradient comes back from it. */
export function chain(answer, state) {
  const steps = new Map(answer.layers.map(step => [step.name, step]));
  const found = [];
  let number = 0;

  function walk(specs, before, shared) {
    for (const spec of specs) {
      const name = state.names[number++];
      const last = spec.layers ? walk(spec.layers, before, true) : null;
      if (spec.branches) number += sizeOf(spec) - 1; // shown as one: what they read and what they hand on
      const step = steps.get(name);
      if (!step) continue; // it does nothing, such as a Dropout of 0
      before = { name, step, spec, before, last, shared };
      found.push(before);
      shared = false;
    }
    return before;
  }

  walk(state.layers, null, false);
  return found;
}
