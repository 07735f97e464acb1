/* The page as a whole: each part into its place. */

import { mountPanes } from "./ui/panes.js";
import { mountNetwork } from "./network/network.js";
import { mountData } from "./data/data.js";
import { mountTrain } from "./train/train.js";
import { mountLook } from "./look/look.js";
import { mountBar } from "./bar/bar.js";

/** Put the parts into elements by their names; return the buttons that have keys. Each part looks only at what is in its
 * own element: what it needs of another part is handed to it here. So there may be two pages of the one run; as identifiers
 * are unique in a tree, the second one goes into a shadow root. */
export function mount({ bar, panes, data, network, train, look }) {
  mountPanes(panes);
  mountData(data);
  const drawing = mountNetwork(network);
  const buttons = mountTrain(train);
  mountLook(look, { drawing, network });
  return { ...buttons, keys: mountBar(bar, drawing) };
}
