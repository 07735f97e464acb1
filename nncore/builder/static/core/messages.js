/* All that the page may ask the server, and the fields of each message. What the fields may hold, the server says. */

export const MESSAGES = {
  // the connection
  hello: ["nonce", "proof"],
  schema: [],
  curves: ["since"],

  // the data
  set_data: ["name", "options", "csv"],
  change_data: ["name", "changes", "readings"],
  preview: ["x", "y"],

  // the network; `edits` is that of the state which the page has seen, and all `steps` are made, or none
  insert: ["index", "layer", "edits"],
  remove: ["index", "edits"],
  move: ["from", "to", "edits"],
  update_layer: ["index", "layer", "edits"],
  together: ["steps", "edits"],
  undo: ["edits"],
  redo: ["edits"],

  // how it learns
  change_optimizer: ["changes"],
  set_training: ["batch_size", "loss", "validation_split", "class_weight", "seed", "split_seed", "dtype"],
  train: ["epochs", "epochs_per_second"],
  pause: [],
  step_batch: [],
  step_epoch: [],
  reset: [],
  new_seed: [],

  // a closer look
  explain: ["rows"],
  evaluate: ["kind", "part", "resolution", "pixels"],
  doctor: [],
  apply_fix: ["finding"],

  // the whole
  export: ["kind"],
  open_link: ["spec", "csv"],
  open_preset: ["name"],
};

/** Return a message; one that is not in the table, or has a field that is not, is a mistake of the page. */
export function messageOf(id, type, fields) {
  if (!Object.hasOwn(MESSAGES, type)) throw new Error(`the page may not send ${type}`);
  const other = Object.keys(fields).find(name => !MESSAGES[type].includes(name));
  if (other !== undefined) throw new Error(`the message ${type} has no field ${other}`);
  return { id, type, ...fields };
}
