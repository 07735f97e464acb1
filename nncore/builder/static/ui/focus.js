/* What has the focus, and how it stays where it was although what had it is made anew. */

/** Return the element in `root` that has the focus, or null. A page in a shadow root has a focus of its own. */
export function focusedWithin(root) {
  const active = root.getRootNode().activeElement ?? null;
  return root.contains(active) ? active : null;
}

/** Return the tree of the page that is worked in: the document, or the shadow root that has the focus. */
export function treeInUse() {
  return document.activeElement?.shadowRoot ?? document;
}

/** Draw forms in `root` anew; the control that had the focus, or the one that took its place, has it afterwards. */
export function keepingFocus(root, draw) {
  const active = focusedWithin(root);
  const path = active?.closest("[data-where]")?.dataset.where;
  draw();
  if (!active || root.contains(active)) return;
  const same = active.id && root.querySelector(`#${CSS.escape(active.id)}`);
  const next = same || (path && root.querySelector(`[data-where="${CSS.escape(path)}"] :is(input, select)`));
  next?.focus({ preventScroll: true });
}
