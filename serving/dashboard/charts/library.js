// The chart library: loaded when the page's figures stand, and taught the reader's language.

import { el } from "../dom.js";
import { locale, reader } from "../format.js";

let loading;

/** Load the library once something else is painted: reading it keeps the browser busy for most of a second. */
export async function loadAfter(work) {
  await work;
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  await library();
}

/** Give the library. */
export async function library() {
  loading ??= new Promise((resolve, reject) => {
    const { href } = document.querySelector("link[data-library]");
    document.head.append(el("script", { src: href, onload: resolve, onerror: reject }));
  });
  await loading;
  if (reader.lang === "fr") globalThis.Plotly.register(french());
  return globalThis.Plotly;
}

// It speaks English; its French comes from the browser's own knowledge of the language.
function french() {
  const days = { days: named("weekday", "long"), shortDays: named("weekday", "short") };
  const months = { months: named("month", "long"), shortMonths: named("month", "short") };
  const numbers = { decimal: ",", thousands: "\u202f", grouping: [3], currency: ["", "\u00a0€"] };
  const moments = { dateTime: "%a %-d %b %Y %X", date: "%d/%m/%Y", time: "%H:%M:%S", periods: ["AM", "PM"] };
  const dates = { year: "%Y", month: "%b %Y", dayMonth: "%-d %b", dayMonthYear: "%-d %b %Y" };
  return { moduleType: "locale", name: "fr", dictionary: {}, format: { ...days, ...months, ...numbers, ...moments, ...dates } };
}

function named(part, length) {
  const name = new Intl.DateTimeFormat(locale(), { [part]: length, timeZone: "UTC" });
  const week = Array.from({ length: 7 }, (_, day) => Date.UTC(2023, 0, 1 + day)); // a Sunday, with which the library's week begins
  const year = Array.from({ length: 12 }, (_, month) => Date.UTC(2023, month, 1));
  return (part === "weekday" ? week : year).map((moment) => name.format(new Date(moment)));
}
