/* Colours between two colours of theme.css, for pictures and maps. */

import { colour } from "../ui/dom.js";

/** Return red, green and blue, 0 to 255, of "--name" of theme.css or of "#rrggbb". */
export function rgb(name) {
  const text = name.startsWith("--") ? colour(name) : name;
  const digits = text.length === 4 ? [...text.slice(1)].map(digit => digit + digit).join("") : text.slice(1);
  return [0, 2, 4].map(i => parseInt(digits.slice(i, i + 2), 16));
}

/** Return what lies at `share`, 0 to 1, of the way from one colour to another. */
export function between(from, to, share) {
  return from.map((value, i) => Math.round(value + (to[i] - value) * share));
}

/** Return the colour as style sheets write it. */
export function css([red, green, blue], alpha = 1) {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

/** Return what gives each number its colour: from vermillion through a neutral zero to blue where there are both signs,
 * else from neutral to blue. It has the ends of the range as `low` and `high`. */
export function scale(values) {
  const found = values.filter(Number.isFinite);
  const [least, most] = found.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [negative, zero, positive] = ["--negative", "--zero", "--positive"].map(rgb);
  const size = Math.max(Math.abs(least), Math.abs(most)) || 1;
  const signed = least < 0 && most > 0;
  const shade = signed
    ? value => between(zero, value < 0 ? negative : positive, Math.min(1, Math.abs(value) / size))
    : value => between(zero, positive, 0.08 + 0.92 * Math.min(1, Math.max(0, (value - least) / (most - least || 1))));
  return { low: signed ? -size : least, high: signed ? size : most, shade };
}
