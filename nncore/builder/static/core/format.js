/* Numbers as people read them. */

/** Return a number with so many significant digits; what is no number is a dash. */
export function figure(value, digits = 4) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(Math.max(0, digits - 2)).replace("e+", "e"));
  return minus(String(Number(value.toPrecision(digits))));
}

/** Return a whole number with thousands apart. */
export function count(value) {
  return Number.isFinite(value) ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : "–";
}

/** Return a count with one noun: "1 layer", "2 layers". */
export function counted(value, noun, nouns = `${noun}s`) {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

/** Return a share as per cent. */
export function percent(value, digits = 1) {
  return typeof value === "number" && Number.isFinite(value) ? `${(100 * value).toFixed(digits)} %` : "–";
}

/** Return a large number short: 1.2 M. */
export function brief(value) {
  if (!Number.isFinite(value)) return "–";
  const unit = [[1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([size]) => Math.abs(value) >= size);
  return unit ? `${Number((value / unit[0]).toPrecision(3))} ${unit[1]}` : String(Number(value.toPrecision(3)));
}

/** Return a name of the core as words: "val_loss" -> "val loss". */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** Return the name of a class of the core as words: "MeanSquaredError" -> "mean squared error". */
export function spaced(name) {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}

/** Return a text with a capital at its beginning, as labels have one. */
export function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** Return a number with three digits or more in about seven characters, so that it does not jump while it changes. */
export function steady(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return inSize(value, size).replace("e+", "e").replaceAll("-", "−");
}

function inSize(value, size) {
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(size < 1e-99 || size >= 1e100 ? 1 : 2);
  if (size >= 1) return value.toPrecision(5);
  return value.toFixed(size !== 0 && size < 0.01 ? 5 : 4);
}

function minus(text) {
  return text.replaceAll("-", "−");
}
