/* What each kind of layer computes, in formulas: symbols first, then the numbers of one row and unit.
 *
 * Rows, units and inputs are counted from 1 in formulas. Sums are written out as far as the answer holds their terms.
 * An entry is {forward, backward, passedBack}; without the last two, a layer has nothing of its own on the way back.
 *   forward(node, at, context): {said, lines, notes?, matrices}
 *   backward(node, at, context): {lines, matrices} of the gradients of its parameters, or null
 *   passedBack(node, at, dx, k): lines of what goes to the layer before
 * `node` is one of `chain`, `at` the place that `pick` chose in it.
 */

import { activation } from "./activation.js";
import { batchNorm } from "./batchnorm.js";
import { dense } from "./dense.js";
import { dropout } from "./dropout.js";
import { layerNorm } from "./layernorm.js";
import { noise } from "./noise.js";
import { other } from "./other.js";
import { prelu } from "./prelu.js";
import { residual } from "./residual.js";
import { rmsNorm } from "./rmsnorm.js";

const KINDS = {
  Dense: dense,
  Activation: activation,
  BatchNorm: batchNorm,
  LayerNorm: layerNorm,
  Dropout: dropout,
  Residual: residual,
  PReLU: prelu,
  RMSNorm: rmsNorm,
  GaussianNoise: noise,
};

/** Return the entry of a kind, by the core's name. */
export function kindOf(name) {
  return KINDS[name] ?? other;
}
