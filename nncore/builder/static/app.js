/* The page: connects, then puts each part into its place. */

import { connect, on, reconnect, store } from "./core/store.js";
import { act } from "./ui/actions.js";
import { keepSetUp } from "./ui/comeback.js";
import { h } from "./ui/dom.js";
import { button } from "./ui/forms.js";
import { announce, keepInSight, mountNotices, notice } from "./ui/notices.js";
import { applyTheme } from "./ui/theme.js";
import { listenToKeys } from "./bar/keys.js";
import { mount } from "./page.js";

/** Return key and link that stand behind the address, and take them away: who copies the address copies no key. */
function fragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  return { key: given.get("token") ?? given.get("code"), spec: given.get("spec") };
}

const PLACES = ["bar", "panes", "notices", "live", "workbench", "data", "network", "train", "look"];

/** The elements of index.html that the page is put into. */
const places = Object.fromEntries(PLACES.map(id => [id, document.getElementById(id)]));

function showConnection() {
  document.body.dataset.connection = store.connection;
  const { workbench } = places;
  if (store.connection !== "full") workbench.querySelector(".full")?.remove();
  else if (!document.body.dataset.ready && !workbench.querySelector(".full")) workbench.append(full());
  if (store.connection !== "unauthorized") return;
  const text = "This page does not know the server's token. Open the address that nncore builder printed in its terminal; if the server was started anew at this port, this page then goes on, too.";
  workbench.replaceChildren(h("p", { class: "alone", role: "alert" }, text));
}

/** What there is to see while the server has so many pages that it takes no more. */
function full() {
  const text = `${store.reason || "Too many pages are open"}. Close one of them; this page tries again every few seconds.`;
  return h("div", { class: "alone full" }, h("p", { role: "alert" }, text), button("Try now", null, reconnect));
}

/** Open a link that was put behind the address of the page while it is open. Its token may be that of another server:
 * the one that has opened this page stays. */
function openPasted() {
  const { spec } = fragment();
  if (spec) act("open_link", { spec });
}

async function begin() {
  applyTheme();
  mountNotices({ live: places.live, box: places.notices, bar: places.bar });
  keepInSight(places.panes);
  const { key, spec } = fragment();
  on("connection", showConnection);
  await connect(key ?? sessionStorage.getItem("token") ?? "", text => notice(text, "mistake"));
  listenToKeys(mount(places));
  keepSetUp();
  document.body.dataset.ready = "true";
  if (spec) await act("open_link", { spec });
  addEventListener("hashchange", openPasted);
  announce("The builder is ready. Press question mark for the keys.");
}

begin();
