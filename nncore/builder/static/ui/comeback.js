/* A set-up whose server has gone: this tab keeps its link, and offers to bring it back when another server is there. */

import { on, store } from "../core/store.js";
import { act } from "./actions.js";
import { notice } from "./notices.js";

const NAME = "set-up";

/** Keep the latest set-up from now on. */
export function keepSetUp() {
  on("state", keep);
  keep();
}

function keep() {
  const now = { server: store.server, link: store.state.link };
  const before = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  sessionStorage.setItem(NAME, JSON.stringify(now));
  if (before === null || before.server === now.server) return;
  const back = { label: "Bring my set-up back", run: () => act("open_link", { spec: before.link }) };
  notice("The server was started anew: this is its run.", "mistake", before.link === now.link ? null : back);
}
