/* The page: connects, then puts each part into its place. */

import { act, announce, notice } from "./actions.js";
import { mountBar } from "./bar.js";
import { mountData } from "./data.js";
import { h } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { mountLook } from "./look.js";
import { mountNetwork } from "./network.js";
import { mountPanes } from "./panes.js";
import { connect, on, store } from "./store.js";
import { applyTheme } from "./theme.js";
import { mountTrain } from "./train.js";

/** Return token and link that stand behind the address, and take them away: who copies the address copies no token. */
function fragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  return { token: given.get("token"), spec: given.get("spec") };
}

/** Return the token that was given, or else the one that this tab had before it was loaded again. */
function remembered(given) {
  const token = given ?? sessionStorage.getItem("token") ?? "";
  sessionStorage.setItem("token", token);
  return token;
}

function showConnection() {
  document.body.dataset.connection = store.connection;
  if (store.connection !== "unauthorized") return;
  const text = "This page does not know the server's token. Open the address that nncore builder printed in its terminal; a server that was started anew has a new one.";
  document.getElementById("workbench").replaceChildren(h("p", { class: "alone", role: "alert" }, text));
}

/** Open a link that was put behind the address of the page while it is open. Its token may be that of another server:
 * the one that has opened this page stays. */
function openPasted() {
  const { spec } = fragment();
  if (spec) act("open_link", { spec });
}

async function begin() {
  applyTheme();
  const { token, spec } = fragment();
  on("connection", showConnection);
  await connect(remembered(token), text => notice(text, "mistake"));
  mountBar(document.getElementById("bar"));
  mountPanes(document.getElementById("panes"));
  mountData(document.getElementById("data"));
  mountNetwork(document.getElementById("network"));
  mountTrain(document.getElementById("train"));
  mountLook(document.getElementById("look"));
  listenToKeys();
  document.body.dataset.ready = "true";
  if (spec) await act("open_link", { spec });
  addEventListener("hashchange", openPasted);
  announce("The builder is ready. Press question mark for the keys.");
}

begin();
