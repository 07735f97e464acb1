/* A table of one's own: chosen as a file, dropped onto the page, or pasted. It goes to the builder on this machine only. */

import { count } from "../core/format.js";
import { keepTable } from "../core/own_table.js";
import { on, request, store } from "../core/store.js";
import { clearMistakes, showMistake, tellEdit } from "../ui/actions.js";
import { fill, h } from "../ui/dom.js";
import { button, choice, field } from "../ui/forms.js";
import { announce, notice } from "../ui/notices.js";
import { MISSING, identified, readings } from "./choices.js";

const PASTED = "pasted.csv";
const WHERE = "data.csv";

/** The table of a page: what was written of it stays when its dialog is closed.
 *
 * `root` is where files may be dropped, too; `loaded` is called when the server has taken the table. */
export class OwnTable {
  constructor(root, loaded) {
    Object.assign(this, { root, loaded, text: "", file: null, taken: false, readings: new Map(), dialog: null });
    this.acceptDrops();
  }

  /** Open the dialog; what was written there before is still there. */
  open() {
    if (this.dialog) return this.dialog;
    this.box = h("textarea", { id: "csv-text", spellcheck: "false", placeholder: "height,width,kind\n1.5,0.2,a\n1.7,0.4,b", oninput: () => this.typed() });
    this.box.value = this.text;
    this.target = identified("csv-target", choice([["", "The last column"]], "", () => {}));
    this.missing = identified("csv-missing", choice(MISSING, "impute", () => {}));
    this.load = identified("csv-load", button("Load", null, () => this.send(), { kind: "main" }));
    this.list = h("div", { class: "list" });
    this.columns = h("details", { id: "csv-columns" }, h("summary", {}, "Columns"), this.list);
    this.dialog = this.made();
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.box.focus();
    this.edited();
    return this.dialog;
  }

  made() {
    const file = h("input", { type: "file", id: "csv-file", accept: ".csv,.tsv,.txt,text/csv,text/plain", onchange: () => this.fromFile(file.files[0]) });
    const hint = `The first row names the columns, if it is not one of numbers. Up to ${count(most())} characters; the table stays on this machine.`;
    const close = button("Close", null, () => dialog.close());
    const closed = () => {
      this.dialog = null;
      dialog.remove();
    };
    const dialog = h(
      "dialog",
      { id: "csv-dialog", class: "csv", "aria-labelledby": "csv-title", onclose: closed },
      h("h2", { id: "csv-title" }, "A table of your own"),
      h("p", { class: "muted" }, hint),
      field("File, or drop one here", file),
      field("Table, as text", this.box, { where: WHERE }),
      h("div", { class: "fields" }, field("Target", this.target, { where: "data.options.target" }), field("Missing values", this.missing, { where: "data.options.missing" })),
      this.columns,
      h("div", { class: "buttons end" }, close, this.load)
    );
    return dialog;
  }

  /** Take what was typed or pasted: it is no longer the file's. What a box makes of a text by itself, such as other ends
   * of its lines, is no change. */
  typed() {
    Object.assign(this, { text: this.box.value, file: null });
    this.edited();
  }

  edited() {
    const names = header(this.text);
    if (String(names) === this.target.dataset.names) return;
    this.target.dataset.names = names;
    const before = this.target.value;
    fill(this.target, [["", "The last column"], ...names.map(name => [name, name])].map(([value, shown]) => h("option", { value }, shown)));
    this.target.value = names.includes(before) ? before : "";
    this.columns.hidden = !names.length;
    const read = (name, reading) => this.readings.set(name, reading);
    fill(this.list, readings("csv-column", names, name => this.readings.get(name) ?? "", read));
  }

  /** Return the columns in the text that are to be read in one way: "categorical" or "ignore". */
  columnsRead(reading) {
    return header(this.text).filter(name => this.readings.get(name) === reading);
  }

  // ---- files

  /** Let files be dropped onto the part of the page and the dialog. */
  acceptDrops() {
    const { root } = this;
    const holdsFile = event => event.dataTransfer?.types.includes("Files");
    const isOver = ({ target }) => root.contains(target) || Boolean(this.dialog?.contains(target));
    document.addEventListener("dragover", event => {
      if (!holdsFile(event)) return;
      event.preventDefault(); // else the browser would leave the page and show the file
      event.dataTransfer.dropEffect = isOver(event) ? "copy" : "none";
      root.classList.toggle("dropping", isOver(event));
    });
    document.addEventListener("dragleave", event => event.relatedTarget === null && root.classList.remove("dropping"));
    document.addEventListener("drop", event => {
      root.classList.remove("dropping");
      if (!holdsFile(event)) return;
      event.preventDefault();
      if (isOver(event)) this.fromFile(event.dataTransfer.files[0]);
    });
  }

  /** Read a file and load it; what is wrong with it is shown in the dialog, beside its text. */
  async fromFile(file) {
    if (!file) return;
    if (file.size > 4 * most()) return this.refuse(`${file.name} has ${count(file.size)} bytes; the builder reads tables of up to ${count(most())} characters`);
    const { text, encoding } = decoded(await file.arrayBuffer());
    if (text.length > most()) return this.refuse(tooLong(text));
    Object.assign(this, { text, file: file.name });
    if (this.dialog) this.box.value = text;
    if (this.dialog) this.edited();
    await this.send();
    if (encoding !== "utf-8") notice(`${file.name} is not UTF-8; it was read as ${encoding}`);
  }

  // ---- sending

  /** Show in the dialog what is wrong, at the control that it is about or else at the text. */
  refuse(message, where = WHERE) {
    const dialog = this.open();
    clearMistakes(dialog);
    showMistake(dialog, dialog.querySelector(`[data-where="${CSS.escape(where)}"]`) ? where : WHERE, message);
    pointAt(this.box, message);
  }

  /** Return the options that the dialog has chosen; those of a table that is dropped while it is closed suit the data. */
  options() {
    const options = { file: this.file ?? PASTED };
    if (this.dialog && this.target.value) options.target = this.target.value;
    if (this.dialog && this.missing.value !== "impute") options.missing = this.missing.value;
    for (const key of ["categorical", "ignore"]) if (this.columnsRead(key).length) options[key] = this.columnsRead(key);
    return options;
  }

  async send() {
    if (this.text.length > most()) return this.refuse(tooLong(this.text));
    const options = this.options();
    const csv = this.text;
    const load = this.dialog && this.load;
    if (load) clearMistakes(this.dialog); // those of another table
    if (load) load.disabled = true;
    try {
      const { messages } = await request("set_data", { name: "csv", csv, options });
      tellEdit(messages);
    } catch (refusal) {
      return this.refuse(refusal.message, refusal.where);
    } finally {
      if (load) load.disabled = false;
    }
    this.taken = true;
    const end = on("state", () => {
      end();
      keepTable(store.state.data.table, csv);
      this.loaded();
    });
    this.dialog?.close();
    announce(`${options.file} is loaded; choose the column that it is to predict.`);
  }
}

function most() {
  return store.schema.limits.csv_characters;
}

/** Return the names in the first row, to choose a target from; how the table is read is the core's affair. */
function header(text) {
  const [first = ""] = text.slice(0, 100_000).trimStart().split(/\r?\n/, 1);
  const mark = [",", ";", "\t", "|"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const names = first.split(mark).map(name => name.trim().replace(/^"(.*)"$/, "$1"));
  return names.length > 1 ? [...new Set(names.filter(Boolean))] : [];
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
  return `the table has ${count(text.length)} characters; the builder reads up to ${count(most())}`;
}

/** Select the line of the text that a mistake is about: the core's messages begin with "name:line:". */
function pointAt(box, message) {
  const line = Number(/:(\d+):/.exec(message)?.[1]);
  if (!line) return;
  const lines = box.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  box.focus();
  box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  box.scrollTop = Math.max(0, (line - 3) * (box.scrollHeight / lines.length));
}
