// Numbers, dates and texts in the reader's language; the currency is the company's.

import en from "./words/en.js";
import fr from "./words/fr.js";

const WORDS = { en, fr };
const LOCALES = { en: "en-GB", fr: "fr-FR" };
const DASH = "–";

/** What is in force for the whole page: language and currency. */
export const reader = { lang: "en", currency: "EUR" };

/** Give the words of the page's language. */
export const words = () => WORDS[reader.lang];

/** Give the reader's locale. */
export const locale = () => LOCALES[reader.lang];

/** Give the reader's version of a text that comes in both languages, its days as the reader writes them. */
export function text(both) {
  if (both === null || both === undefined) return "";
  const said = typeof both === "string" ? both : (both[reader.lang] ?? both.en ?? "");
  return said.replace(/\b\d{4}-\d{2}-\d{2}\b/g, tableDay);
}

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Format a number with at most so many decimals. */
export function number(value, decimals = 0, options = {}) {
  if (!known(value)) return DASH;
  const said = new Intl.NumberFormat(locale(), { maximumFractionDigits: decimals, ...options }).format(value + 0);
  // a minus sign, as the charts write it; a word joiner keeps the sign beside the currency's at the end of a line
  return said.replace("-", "−").replace(/[−+](?=\p{Sc})/u, "$&\u2060");
}

/** Format an amount; cents only where they matter, under a hundred. */
export function money(value, options = {}) {
  if (!known(value)) return DASH;
  const decimals = Math.abs(value) < 100 && !Number.isInteger(value) ? 2 : 0;
  return number(value, decimals, { minimumFractionDigits: decimals, style: "currency", currency: reader.currency, ...options });
}

/** Give the sign of the currency, for axes. */
export const currencySign = () =>
  new Intl.NumberFormat(locale(), { style: "currency", currency: reader.currency })
    .formatToParts(0)
    .find((part) => part.type === "currency").value;

/** Format an amount with its sign. */
export const change = (value) => money(value, { signDisplay: "exceptZero" });

/** Format a share; what isn't quite nothing or all is said to be so. */
export function share(value, options = {}) {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  if (size > 0 && size < 0.001) return words().under(percent(0.001, 1, options));
  if (value > 0.999 && value < 1) return words().over(percent(0.999, 1, options));
  return percent(value, size < 0.1 || size > 0.9 ? 1 : 0, options);
}

const percent = (value, decimals, options) => number(value, decimals, { style: "percent", ...options });

/** Format a value by its unit: a currency, share, ratio, days, months or count. */
export function figure(value, unit, options = {}) {
  if (!known(value)) return DASH;
  if (unit === "share") return share(value, options);
  if (unit === "ratio") return number(value, 2, options);
  if (unit === "days" || unit === "months") return words().span(number(value, 1, options), unit, value);
  if (unit === "count") return number(value, 0, options);
  return money(value, { currency: unit, ...options });
}

/** Format an interval, "a to b". */
export function interval(low, high, format = number) {
  return known(low) && known(high) ? words().range(format(low), format(high)) : "";
}

/** Give the date that a time stamp names where the company is. */
export const dateOf = (stamp) => new Date(`${stamp.slice(0, 10)}T00:00:00Z`);

/** Count the days from one time stamp's day to another's. */
export const daysBetween = (from, to) => Math.max(0, Math.round((dateOf(to) - dateOf(from)) / 86_400_000));

/** Give the day before, as a time stamp: periods end where the next begins. */
export const dayBefore = (stamp) => new Date(dateOf(stamp) - 86_400_000).toISOString();

const onDay = (stamp, options) => new Intl.DateTimeFormat(locale(), { timeZone: "UTC", ...options }).format(dateOf(stamp));

/** Format a day, "5 Jan". */
export const shortDay = (stamp) => onDay(stamp, { day: "numeric", month: "short" });

/** Format a day with its year; a French first of the month is "1er". */
export function day(stamp) {
  if (!stamp) return DASH;
  const said = onDay(stamp, { day: "numeric", month: "long", year: "numeric" });
  return reader.lang === "fr" ? said.replace(/^1(?= )/, "1er") : said;
}

/** Format a day for a table, "5 Jan 2026". */
export const tableDay = (stamp) => (stamp ? onDay(stamp, { day: "numeric", month: "short", year: "numeric" }) : DASH);

/** Format a month, "Jan 2026". */
export const month = (stamp) => onDay(stamp, { month: "short", year: "numeric" });

/** Name something that the data name: a word of ours where there is one, else as the company calls it. */
export const called = (name) => words().names[name] ?? name;
