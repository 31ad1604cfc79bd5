// What every chart shares: the library, the page's colours, the reader's language, and the table that says the same.

import { busy, el } from "../dom.js";
import { reader, locale, words } from "../format.js";
import { table } from "../table.js";

const drawn = new Map();
const PRINTED_WIDTH = 660;
let library;

/** Load the chart library once something else is painted: to read it keeps the browser busy for most of a second. */
export async function loadAfter(work) {
  await work;
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  await load();
}

function load() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(el("script", { src: document.querySelector("link[data-library]").href, onload: resolve, onerror: reject }));
  });
  return library;
}

/**
 * Make a figure: heading, what it says in a sentence, the chart, its legend and the same numbers as a table.
 * @param {{name: string, title: string, summary: string, build: Function, height?: number, wide?: number, legend?: [string, string][], table: object, notes?: string[]}} given
 *        `build` gives traces and layout for a theme and a width in pixels
 */
export function chart(given) {
  const place = el("div", { class: "plot", role: "img", "data-chart": given.name, "aria-label": [given.title, given.summary].filter(Boolean).join(". ") });
  place.style.height = `${given.height ?? 300}px`;
  if (given.wide) place.style.minWidth = `${given.wide}px`;
  const figure = el("figure", { class: "chart" },
    el("h4", {}, given.title),
    given.summary && el("figcaption", { "data-total": given.quantity }, given.summary),
    legend(given.legend ?? []),
    given.wide ? el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": given.title }, place) : place,
    (given.notes ?? []).filter(Boolean).map((note) => el("p", { class: "note" }, note)),
    el("details", { class: "numbers" }, el("summary", {}, words().asTable), table({ ...given.table, caption: given.table.caption ?? given.title })));
  drawn.set(place, given);
  appear.observe(place);
  return figure;
}

// A chart is drawn when it comes into sight: what nobody looks at costs nothing.
const appear = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) busy(draw(target));
}, { rootMargin: "200px" });

/** Draw a chart that is in the page, or forget one that left it. */
async function draw(place) {
  await load();
  const given = drawn.get(place);
  if (!given || !place.isConnected) {
    drawn.delete(place);
    return;
  }
  appear.unobserve(place);
  register();
  const { traces, layout } = given.build(theme(), place.clientWidth);
  await globalThis.Plotly.react(place, traces, merged(frame(given), layout), { displayModeBar: false, responsive: true, locale: reader.lang });
  place.dataset.drawn = "true";
  performance.mark("chart-drawn");
}

/** Draw everything again that is drawn: the colours changed, or the paper did. */
function redraw() {
  for (const place of [...drawn.keys()]) if (!place.isConnected) drawn.delete(place);
  for (const place of drawn.keys()) if (place.dataset.drawn || printing.matches) busy(draw(place));
}

const printing = matchMedia("print");
printing.addEventListener("change", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

/** Give the colours in force. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  return { color, palette: Array.from({ length: 8 }, (_, index) => color(`series-${index + 1}`)) };
}

function frame(given) {
  const { color } = theme();
  const axis = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line"), tickcolor: color("line"), automargin: true, fixedrange: true };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("quiet") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 12, r: 12, t: 8, b: 8 },
    height: given.height ?? 300,
    ...(printing.matches && { width: PRINTED_WIDTH }),
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink"), size: 12 } },
    separators: reader.lang === "fr" ? ",\u202f" : ".,",
    dragmode: false,
    xaxis: { ...axis, title: { standoff: 8 } },
    yaxis: { ...axis, title: { standoff: 8 } },
    yaxis2: axis,
  };
}

function merged(base, over) {
  const plain = (value) => value && typeof value === "object" && !Array.isArray(value);
  const found = { ...base };
  for (const [key, value] of Object.entries(over)) found[key] = plain(value) && plain(base[key]) ? merged(base[key], value) : value;
  return found;
}

function legend(entries) {
  const items = entries.map(([kind, said]) => el("li", {}, el("span", { class: `key ${kind}`, "aria-hidden": "true" }), said));
  return entries.length > 0 && el("ul", { class: "legend" }, items);
}

/** Keep a name from the data from being read as markup by the chart library. */
export const plain = (said) => String(said).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Give the number format of an axis of amounts or counts. */
export const ticksFor = (values) => (Math.max(...values.map(Math.abs), 0) < 10 ? ",.2~f" : ",.0f");

// The library speaks English; its French comes from the browser's own knowledge of the language.
function register() {
  if (reader.lang !== "fr") return;
  const names = { days: named("weekday", "long"), shortDays: named("weekday", "short"), months: named("month", "long"), shortMonths: named("month", "short") };
  const numbers = { decimal: ",", thousands: "\u202f", grouping: [3], currency: ["", "\u00a0€"] };
  const dates = { dateTime: "%a %-d %b %Y %X", date: "%d/%m/%Y", time: "%H:%M:%S", periods: ["AM", "PM"], year: "%Y", month: "%b %Y", dayMonth: "%-d %b", dayMonthYear: "%-d %b %Y" };
  globalThis.Plotly.register({ moduleType: "locale", name: "fr", dictionary: {}, format: { ...names, ...numbers, ...dates } });
}

function named(part, length) {
  const name = new Intl.DateTimeFormat(locale(), { [part]: length, timeZone: "UTC" });
  // the first of January 2023 was a Sunday, with which the library's week begins
  const dates = part === "weekday" ? Array.from({ length: 7 }, (_, day) => [0, 1 + day]) : Array.from({ length: 12 }, (_, month) => [month, 1]);
  return dates.map(([month, day]) => name.format(new Date(Date.UTC(2023, month, day))));
}
