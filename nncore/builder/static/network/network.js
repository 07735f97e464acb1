/* The network: its palette, the strip of cards, the settings of the selected one, and below them the drawing. */

import { fill, h } from "../ui/dom.js";
import { mountDrawing } from "../drawing/drawing.js";
import { mountDrag } from "./drag.js";
import { mountLayerForm } from "./layer_form.js";
import { mountPalette } from "./palette.js";
import { mountStrip } from "./strip.js";

/** Put the part into `root`; return its drawing. */
export function mountNetwork(root) {
  const palette = h("div", { id: "palette", role: "group", "aria-label": "Layers to put in" });
  const strip = h("div", { class: "strip" });
  const settings = h("div", { id: "layer-settings", role: "region", "aria-label": "Settings of the selected layer" });
  const drawing = h("div", { id: "drawing" });
  fill(root, h("header", { class: "network-head" }, h("h2", { id: "network-title" }, "Network"), palette), strip, settings, drawing);
  mountPalette(palette);
  const cards = mountStrip(strip, () => form.focus());
  const form = mountLayerForm(settings, () => cards.focusCard());
  mountDrag(palette, cards);
  return mountDrawing(drawing);
}
