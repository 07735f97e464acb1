/* What changes the optimizer: it goes on with what has been learnt. */

import { act } from "../ui/actions.js";

/** Have the server change the optimizer it has by then, which may be a newer one than this page shows: null takes a
 * field away, an object without a type changes fields of the schedule, and another type keeps what all of them have. */
export function changeOptimizer(changes, where = null) {
  return act("change_optimizer", { changes }, { where });
}

/** Return the fields in which a new whole differs from the one before, null for those that have gone. */
export function differences(before, next) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(next)])];
  const changed = names.filter(name => JSON.stringify(before[name]) !== JSON.stringify(next[name]));
  return Object.fromEntries(changed.map(name => [name, next[name] ?? null]));
}
