/* The score that goes with the loss: its name, and how it is written. */

import { capital, percent, steady, words } from "./format.js";
import { store } from "./store.js";

/** Return the core's name of the score: "accuracy" or "r2" by default. */
export function scoreName() {
  return store.state.training.metrics_used[0];
}

/** Return the score's name of the core as a heading. */
export function scoreLabel() {
  return capital(words(scoreName()));
}

/** Tell whether the score is a share, which reads best as per cent. */
export function isShare(name = scoreName()) {
  return /^acc$|accuracy$/.test(name);
}

/** Return how a chart writes a value of a column that one points at. */
export function hoverFormat(name) {
  return isShare(name) ? ".1%" : ".4g";
}

/** Return a score as text. */
export function scoreText(value) {
  return isShare() ? percent(value) : steady(value);
}

/** Return the heading as it is within a sentence; a name with a digit in it, such as R2, stays as it is. */
export function lower(label) {
  return /\d/.test(label) ? label : label.toLowerCase();
}
