/* A BatchNorm layer: each column over the rows of the batch. */

import { normalised, normalisedBack } from "./normalised.js";

/** What `KINDS` holds of it. */
export const batchNorm = { forward: normalised("rows"), backward: normalisedBack };
