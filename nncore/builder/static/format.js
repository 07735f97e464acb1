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

function minus(text) {
  return text.replaceAll("-", "−");
}
