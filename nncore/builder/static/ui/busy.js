/* Buttons whose work takes the server a while: they say so from the click on. */

import { newerState, store } from "../core/store.js";

/** Tell whether what a button asked for is still on its way. */
export function isBusy(button) {
  return button.getAttribute("aria-busy") === "true";
}

/** Mark a button as busy until what `work` asks for is refused, or the state that it led to is there. */
export async function whileBusy(button, work) {
  const { version } = store.state;
  button.setAttribute("aria-busy", "true");
  try {
    if ((await work()) !== null) await newerState(version);
  } finally {
    button.removeAttribute("aria-busy");
  }
}
