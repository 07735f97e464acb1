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

/** Return token and link of the address, and take the token out of it, so that it is in no history. */
function credentials() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token") ?? sessionStorage.getItem("token") ?? "";
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname);
  return { token, spec: given.get("spec") };
}

function showConnection() {
  document.body.dataset.connection = store.connection;
  if (store.connection !== "unauthorized") return;
  const text = "This page does not know the server's token. Open the address that nncore builder printed in its terminal; a server that was started anew has a new one.";
  document.getElementById("workbench").replaceChildren(h("p", { class: "alone", role: "alert" }, text));
}

/** Open a link that was put behind the address of the page while it is open. */
function openPasted() {
  const { spec } = credentials();
  if (spec) act("open_link", { spec });
}

async function begin() {
  applyTheme();
  const { token, spec } = credentials();
  on("connection", showConnection);
  await connect(token, text => notice(text, "mistake"));
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
