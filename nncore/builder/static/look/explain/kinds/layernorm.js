/* A LayerNorm layer: each row over its columns. */

import { normalised, normalisedBack } from "./normalised.js";

/** What `KINDS` holds of it. */
export const layerNorm = { forward: normalised("columns"), backward: normalisedBack };
