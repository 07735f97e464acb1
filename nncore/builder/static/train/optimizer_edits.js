/* What changes the optimizer: it goes on with what has been learnt. */

import { store } from "../core/store.js";
import { act } from "../ui/actions.js";

/** Have the server take an optimizer: the one there is, with `changes`; null takes a field away. */
export function changeOptimizer(changes, where = null) {
  const optimizer = { ...store.state.optimizer, ...changes };
  for (const [name, value] of Object.entries(optimizer)) if (value === null) delete optimizer[name];
  return act("set_optimizer", { optimizer }, { where });
}
