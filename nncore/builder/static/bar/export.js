/* What leaves the page: the script that repeats the run, the model, the curves, the drawing, a link. */

import { counted } from "../core/format.js";
import { on, store } from "../core/store.js";
import { act, save, showMistake } from "../ui/actions.js";
import { fill, h, setText, unique } from "../ui/dom.js";
import { button } from "../ui/forms.js";
import { icon } from "../ui/icons.js";
import { announce } from "../ui/notices.js";

/** Files that the server makes: kind, title, what is in it. Those that the schema does not have are not offered. */
const FILES = [
  ["model", "Model file", "Weights, layers and optimizer as safetensors, with how the data were prepared; nncore predict and nncore evaluate read it."],
  ["csv", "Curves", "The whole history as CSV, one row per epoch, every figure exact."],
  ["svg", "Network as SVG", "Nodes and edges, drawn by matplotlib."],
];

const LINK = "Whoever opens it gets data, layers, optimizer and seeds, but no weights. It works where a builder is open: in another builder, put what begins at # behind its address.";
const AGAIN = "This one holds the token of the running server: it opens the set-up again on this machine, and is not to be passed on.";

/** Open the dialog. */
export function openExport(drawing) {
  const script = h("pre", { id: "script-text", tabindex: 0, "aria-label": "The script", class: "scroll" });
  const about = h("p", { class: "muted small figures", id: "script-about" });
  const links = h("div", { class: "links" });
  const asked = kind => act("export", { kind }, { root: dialog, where: place(kind) }); // refused at its place in the dialog
  const known = FILES.filter(([kind]) => store.schema.exports.includes(kind));
  const files = [...known.map(([kind, title, text]) => entry(kind, title, text, () => saveFile(kind, asked))), picture(drawing)];
  const dialog = h(
    "dialog",
    { id: "export-dialog", "aria-labelledby": "export-title", onclose: () => (end(), dialog.remove()) },
    h("form", { method: "dialog" }, h("h2", { id: "export-title" }, "Export"), h("button", { class: "plain", "aria-label": "Close" }, icon("close"))),
    section("script", "Python script", "Repeats the run with the same seeds; once something is trained, it checks at its end that the loss is the same, bit for bit.", script, about, scriptButtons(script)),
    h("div", { class: "exports" }, files),
    section("link", "Link", LINK, links, h("p", { class: "outcome small" }))
  );
  const end = on("state", () => showScript(script, about, asked));
  document.body.append(dialog);
  dialog.showModal();
  showScript(script, about, asked);
  showLinks(links, asked);
}

function section(kind, title, text, ...content) {
  const id = unique("export");
  return h("section", { "aria-labelledby": id, class: "field", "data-where": place(kind) }, h("h3", { id }, title), h("p", { class: "muted small" }, text), content);
}

/** Return the path at which what the server refuses of an export is shown. */
function place(kind) {
  return `export.${kind}`;
}

// ---- the script

async function showScript(script, about, asked) {
  const found = await asked("script");
  if (!found) return;
  setText(script, found.text);
  script.dataset.name = found.name;
  script.dataset.type = found.media_type;
  const { epoch, playing, batch } = store.state.run;
  const done = playing ? (store.frame?.epoch ?? epoch) : epoch;
  const more = playing ? "; the training goes on, so pause it for a script of its end" : batch ? "; batches of an unfinished epoch are not in it" : "";
  setText(about, `After ${counted(done, "epoch")}${more}.`);
}

function scriptButtons(script) {
  const copy = button("Copy", "copy", () => copied(script.textContent, script));
  const keep = button("Save", "save", () => saved(script.dataset.name, script.dataset.type, script.textContent), { kind: "main" });
  copy.id = "copy-script";
  keep.id = "save-script";
  keep.dataset.export = "script";
  return h("div", { class: "buttons" }, keep, copy, h("span", { class: "outcome small" }));
}

// ---- files

function entry(kind, title, text, onclick) {
  const ask = button("Save", "save", onclick);
  ask.append(h("span", { class: "unseen" }, ` ${title}`));
  ask.dataset.export = kind;
  return h("section", { class: "field entry", "data-where": place(kind) }, h("div", {}, h("h3", {}, title), h("p", { class: "muted small" }, text)), ask);
}

async function saveFile(kind, asked) {
  const found = await asked(kind);
  if (!found) return;
  saved(found.name, found.media_type, found.base64 === undefined ? found.text : bytes(found.base64));
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}

function picture(drawing) {
  return entry("png", "Network as PNG", "The drawing as the page shows it now.", event => savePicture(drawing.picture(), event.target.closest("dialog")));
}

async function savePicture(canvas, dialog) {
  const content = await new Promise(resolve => canvas.toBlob(resolve, "image/png"));
  if (content) saved("network.png", "image/png", content);
  else showMistake(dialog, place("png"), "there is no drawing to be saved");
}

function saved(name, mediaType, content) {
  save(name, mediaType, content);
  announce(`Saved as ${name}.`);
}

// ---- the link

async function showLinks(root, asked) {
  const found = await asked("link");
  if (!found) return;
  const spec = found.text.slice(1);
  const token = sessionStorage.getItem("token");
  fill(
    root,
    link("Link to the set-up", `${location.origin}/#${spec}`, "link-text", "link"),
    h("p", { class: "muted small" }, AGAIN),
    link("Link for this machine", `${location.origin}/#token=${encodeURIComponent(token)}&${spec}`, "link-here", "link-here")
  );
}

function link(label, address, id, kind) {
  const box = h("input", { type: "text", readonly: true, id, value: address, "aria-label": label, onfocus: () => box.select() });
  const copy = button(label === "Link to the set-up" ? "Copy link" : "Copy with token", "copy", () => copied(address, box));
  copy.dataset.export = kind;
  return h("div", { class: "copied" }, box, copy);
}

// ---- copying

/** Copy a text; where the browser does not let the page, select it for the user to copy. */
async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    said(element, "Copied.");
  } catch {
    select(element);
    said(element, "The browser did not let the page copy; the text is selected: press Ctrl+C.");
  }
}

function select(element) {
  element.focus();
  if (element.select) return element.select();
  getSelection().selectAllChildren(element);
}

/** Show a word on what was copied beside its button, and say it. */
function said(element, text) {
  setText(element.closest("section").querySelector(".outcome"), text);
  announce(text);
}
