/* The focus stays where it was, although what had it is made anew. */

/** Draw forms in `root` anew; the control that had the focus, or the one that took its place, has it afterwards. */
export function keepingFocus(root, draw) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const path = active?.closest("[data-where]")?.dataset.where;
  draw();
  if (!active || root.contains(active)) return;
  const same = active.id && root.querySelector(`#${CSS.escape(active.id)}`);
  const next = same || (path && root.querySelector(`[data-where="${CSS.escape(path)}"] :is(input, select)`));
  next?.focus({ preventScroll: true });
}
