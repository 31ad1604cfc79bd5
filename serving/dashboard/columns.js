// Columns of tables by what they hold; `value` gives what sorts and is copied, from a row.

import { el } from "./dom.js";
import { interval, money, number, share, tableDay } from "./format.js";

const figures = (title, value, format) => ({ title, value, show: (row) => format(value(row)), numeric: true });

/** A name or word. */
export const texts = (title, value) => ({ title, value });

/** A number of things. */
export const counts = (title, value) => figures(title, value, (found) => number(found));

/** An amount of money. */
export const amounts = (title, value) => figures(title, value, (found) => money(found));

/** A share or probability. */
export const shares = (title, value) => figures(title, value, (found) => share(found));

/** A day. */
export const days = (title, value) => ({ title, value, show: (row) => tableDay(value(row)), date: true });

/** An interval, from `pick(row)`'s low to its high. */
export const intervals = (title, pick, format) => ({
  title,
  value: (row) => pick(row).low,
  show: (row) => interval(pick(row).low, pick(row).high, format) || "–",
  numeric: true,
});

/** A value with its interval under it; `pick(row)` gives {value, low, high}, or nothing. */
export const ranged = (title, pick, format) => ({
  title,
  value: (row) => pick(row)?.value,
  show: (row) => (pick(row) ? withRange(pick(row), format) : "–"),
  numeric: true,
});

const withRange = ({ value, low, high }, format) =>
  el("span", {}, format(value), el("span", { class: "range" }, interval(low, high, format)));

/** Some sentences, one a line. */
export const sentences = (title, value) => ({
  title,
  value: (row) => value(row).join(" | "),
  show: (row) => el("ul", { class: "reasons" }, value(row).map((said) => el("li", {}, said))), // prettier-ignore
  wide: true,
});
