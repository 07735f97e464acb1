/* A set-up whose server has gone: this tab keeps its link, and offers to bring it back when another server is there. */

import { keptTable } from "../core/own_table.js";
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
  const now = { server: store.server, link: store.state.link, table: store.state.data.table };
  const before = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  sessionStorage.setItem(NAME, JSON.stringify(now));
  if (before === null || before.server === now.server) return;
  const back = { label: "Bring my set-up back", run: () => act("open_link", fieldsOf(before)) };
  notice("The server was started anew: this is its run.", "mistake", before.link === now.link && before.table === now.table ? null : back);
}

/** Return what opens a set-up that was kept, with its table where it is one of the user's that this tab still has. */
function fieldsOf({ link, table }) {
  const csv = keptTable(table);
  return csv === null ? { spec: link } : { spec: link, csv };
}
