/* A table of one's own: chosen as a file, dropped onto the page, or pasted. It goes to the builder on this machine only. */

import { count } from "../core/format.js";
import { on, request, store } from "../core/store.js";
import { clearMistakes, showMistake, tellEdit } from "../ui/actions.js";
import { fill, h } from "../ui/dom.js";
import { button, choice, field } from "../ui/forms.js";
import { announce, notice } from "../ui/notices.js";
import { readings } from "./choices.js";

const PASTED = "pasted.csv";
const WHERE = "data.csv";

const draft = { text: "", file: null, taken: false, readings: new Map() }; // stays when the dialog is closed

/** Tell whether this page has sent a table already. */
export function hasTable() {
  return draft.taken;
}

/** Open the dialog; what was written there before is still there. */
export function openTable() {
  const old = document.getElementById("csv-dialog");
  if (old) return old;
  const text = h("textarea", { id: "csv-text", spellcheck: "false", placeholder: "height,width,kind\n1.5,0.2,a\n1.7,0.4,b", oninput: edited });
  text.value = draft.text;
  const file = h("input", { type: "file", id: "csv-file", accept: ".csv,.tsv,.txt,text/csv,text/plain", onchange: () => fromFile(file.files[0]) });
  const hint = `The first row names the columns, if it is not one of numbers. Up to ${count(store.schema.limits.csv_characters)} characters; the table stays on this machine.`;
  const target = choice([["", "The last column"]], "", () => {});
  target.id = "csv-target";
  const missing = choice([["error", "Refuse"], ["drop", "Drop row"]], "error", () => {});
  missing.id = "csv-missing";
  const load = button("Load", null, () => send(), { kind: "main" });
  load.id = "csv-load";
  const close = button("Close", null, () => dialog.close());
  const dialog = h(
    "dialog",
    { id: "csv-dialog", class: "csv", "aria-labelledby": "csv-title", onclose: () => dialog.remove() },
    h("h2", { id: "csv-title" }, "A table of your own"),
    h("p", { class: "muted" }, hint),
    field("File, or drop one here", file),
    field("Table, as text", text, { where: WHERE }),
    h("div", { class: "fields" }, field("Target", target, { where: "data.options.target" }), field("Missing values", missing, { where: "data.options.missing" })),
    h("details", { id: "csv-columns" }, h("summary", {}, "Columns"), h("div", { class: "list" })),
    h("div", { class: "buttons end" }, close, load)
  );
  document.body.append(dialog);
  dialog.showModal();
  text.focus();
  edited();
  return dialog;
}

function edited() {
  const text = document.getElementById("csv-text").value;
  if (text !== draft.text) draft.file = null;
  draft.text = text;
  const target = document.getElementById("csv-target");
  const names = header(text);
  if (String(names) === target.dataset.names) return;
  target.dataset.names = names;
  const before = target.value;
  fill(target, [["", "The last column"], ...names.map(name => [name, name])].map(([value, shown]) => h("option", { value }, shown)));
  target.value = names.includes(before) ? before : "";
  const columns = document.getElementById("csv-columns");
  const read = (name, reading) => draft.readings.set(name, reading);
  columns.hidden = !names.length;
  fill(columns.querySelector(".list"), readings("csv-column", names, name => draft.readings.get(name) ?? "", read));
}

/** Return the columns in the text that are to be read in one way: "categorical" or "ignore". */
function columnsRead(reading) {
  return header(draft.text).filter(name => draft.readings.get(name) === reading);
}

/** Return the names in the first row, to choose a target from; how the table is read is the core's affair. */
function header(text) {
  const [first = ""] = text.slice(0, 100_000).trimStart().split(/\r?\n/, 1);
  const mark = [",", ";", "\t", "|"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const names = first.split(mark).map(name => name.trim().replace(/^"(.*)"$/, "$1"));
  return names.length > 1 ? [...new Set(names.filter(Boolean))] : [];
}

/** Let files be dropped onto an element and the dialog. */
export function acceptDrops(root) {
  const holdsFile = event => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", event => {
    if (!holdsFile(event)) return;
    event.preventDefault(); // else the browser would leave the page and show the file
    const over = event.target.closest?.("#data, #csv-dialog") !== null;
    event.dataTransfer.dropEffect = over ? "copy" : "none";
    root.classList.toggle("dropping", over);
  });
  document.addEventListener("dragleave", event => event.relatedTarget === null && root.classList.remove("dropping"));
  document.addEventListener("drop", event => {
    root.classList.remove("dropping");
    if (!holdsFile(event)) return;
    event.preventDefault();
    if (event.target.closest?.("#data, #csv-dialog")) fromFile(event.dataTransfer.files[0]);
  });
}

/** Read a file and load it; what is wrong with it is shown in the dialog, beside its text. */
async function fromFile(file) {
  if (!file) return;
  const most = store.schema.limits.csv_characters;
  if (file.size > 4 * most) return refuse(`${file.name} has ${count(file.size)} bytes; the builder reads tables of up to ${count(most)} characters`);
  const { text, encoding } = decoded(await file.arrayBuffer());
  if (text.length > most) return refuse(tooLong(text));
  draft.text = text;
  draft.file = file.name;
  const box = document.getElementById("csv-text");
  if (box) box.value = text;
  if (box) edited();
  await send();
  if (encoding !== "utf-8") notice(`${file.name} is not UTF-8; it was read as ${encoding}`);
}

/** Return the text of a file: UTF-8, UTF-16 with its mark, or else the one-byte code that is most common. */
function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  const wide = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : null;
  for (const encoding of wide ? [wide] : ["utf-8", "windows-1252"]) {
    try {
      return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), encoding };
    } catch {
      continue; // it is not in this code
    }
  }
  return { text: new TextDecoder("utf-8").decode(bytes), encoding: "utf-8 in part" };
}

function tooLong(text) {
  return `the table has ${count(text.length)} characters; the builder reads up to ${count(store.schema.limits.csv_characters)}`;
}

/** Show in the dialog what is wrong, at the control that it is about or else at the text. */
function refuse(message, where = WHERE) {
  const dialog = openTable();
  clearMistakes(dialog);
  showMistake(dialog, dialog.querySelector(`[data-where="${CSS.escape(where)}"]`) ? where : WHERE, message);
  pointAt(dialog, message);
}

async function send() {
  if (draft.text.length > store.schema.limits.csv_characters) return refuse(tooLong(draft.text));
  const chosen = id => document.getElementById(id)?.value;
  const options = { file: draft.file ?? PASTED };
  if (chosen("csv-target")) options.target = chosen("csv-target");
  if (chosen("csv-missing") === "drop") options.missing = "drop";
  for (const key of ["categorical", "ignore"]) if (columnsRead(key).length) options[key] = columnsRead(key);
  const load = document.getElementById("csv-load");
  if (load) clearMistakes(load.closest("dialog")); // those of another table
  if (load) load.disabled = true;
  try {
    const { messages } = await request("set_data", { name: "csv", csv: draft.text, options });
    tellEdit(messages);
  } catch (refusal) {
    return refuse(refusal.message, refusal.where);
  } finally {
    if (load) load.disabled = false;
  }
  draft.taken = true;
  const end = on("state", () => {
    end();
    document.getElementById("target")?.focus();
  });
  document.getElementById("csv-dialog")?.close();
  announce(`${options.file} is loaded; choose the column that it is to predict.`);
}

/** Select the line of the text that a mistake is about: the core's messages begin with "name:line:". */
function pointAt(dialog, message) {
  const line = Number(/:(\d+):/.exec(message)?.[1]);
  const box = dialog.querySelector("#csv-text");
  if (!line) return;
  const lines = box.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  box.focus();
  box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  box.scrollTop = Math.max(0, (line - 3) * (box.scrollHeight / lines.length));
}
