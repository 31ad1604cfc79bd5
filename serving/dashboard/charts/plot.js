// What every chart shares: its place in the page, the page's colours, and the table that says the same.

import { busy, el } from "../dom.js";
import { reader, words } from "../format.js";
import { table } from "../table.js";
import { library } from "./library.js";

const PRINTED_WIDTH = 660;
const HEIGHT = 300;
const SERIES = 8;

const asked = new WeakMap();
const drawn = new Set();
const printing = matchMedia("print");

/**
 * Make a figure: heading, what it says in a sentence, legend, chart, notes, and the same numbers as a table.
 * @param {{name: string, title: string, summary: string, build: Function, table: object, legend?: [string, string][],
 *          notes?: string[], height?: number, wide?: number, quantity?: string}} given `build` gives traces and layout for a theme and
 *        a width in pixels; `wide` is the width below which the chart scrolls
 */
export function chart(given) {
  const said = [given.title, given.summary].filter(Boolean).join(". ");
  const place = el("div", { class: "plot", role: "img", "data-chart": given.name, "aria-label": said });
  place.style.height = `${given.height ?? HEIGHT}px`;
  place.style.minWidth = given.wide ? `${given.wide}px` : "";
  asked.set(place, given);
  appear.observe(place);
  return el("figure", { class: "chart" }, [
    el("h4", {}, given.title),
    given.summary && el("figcaption", { "data-total": given.quantity }, given.summary),
    legend(given.legend ?? []),
    given.wide ? el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": given.title }, place) : place,
    (given.notes ?? []).filter(Boolean).map((note) => el("p", { class: "note" }, note)),
    numbers(given),
  ]);
}

const numbers = ({ title, table: found }) =>
  el("details", { class: "numbers" }, el("summary", {}, words().asTable), table({ ...found, caption: found.caption ?? title }));

function legend(entries) {
  const items = entries.map(([kind, said]) => el("li", {}, el("span", { class: `key ${kind}`, "aria-hidden": "true" }), said));
  return entries.length > 0 && el("ul", { class: "legend" }, items);
}

// A chart is drawn when it comes into sight: what nobody looks at costs nothing.
const appear = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) busy(draw(target));
  },
  { rootMargin: "200px" },
);

async function draw(place) {
  const plotly = await library();
  forgetThoseThatLeft(plotly);
  if (!place.isConnected) return;
  appear.unobserve(place);
  const given = asked.get(place);
  const colors = theme();
  const { traces, layout } = given.build(colors, place.clientWidth);
  await plotly.react(place, traces, merged(frame(given, colors), layout), { displayModeBar: false, responsive: true, locale: reader.lang });
  drawn.add(place);
  place.dataset.drawn = "true";
  performance.mark("chart-drawn");
}

function forgetThoseThatLeft(plotly) {
  for (const place of drawn) {
    if (place.isConnected) continue;
    plotly.purge(place); // it listens for changes of the window's size
    drawn.delete(place);
  }
}

// The colours change with the reader's preference, and on paper; there, what wasn't in sight is drawn too.
function redraw() {
  for (const place of document.querySelectorAll(".plot")) if (drawn.has(place) || printing.matches) busy(draw(place));
}

printing.addEventListener("change", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function theme() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  return { color, palette: Array.from({ length: SERIES }, (_, index) => color(`series-${index + 1}`)) };
}

function frame(given, { color }) {
  const lines = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line"), tickcolor: color("line") };
  const axis = { ...lines, title: { standoff: 8 }, automargin: true, fixedrange: true };
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("quiet") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 12, r: 12, t: 8, b: 8 },
    height: given.height ?? HEIGHT,
    ...(printing.matches && { width: PRINTED_WIDTH }),
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink"), size: 12 } },
    separators: reader.lang === "fr" ? ",\u202f" : ".,",
    dragmode: false,
    xaxis: axis,
    yaxis: axis,
    yaxis2: axis,
  };
}

function merged(base, over) {
  const deep = (value) => value && typeof value === "object" && !Array.isArray(value);
  const found = { ...base };
  for (const [key, value] of Object.entries(over)) found[key] = deep(value) && deep(base[key]) ? merged(base[key], value) : value;
  return found;
}

/** Keep a name from the data from being read as markup by the chart library. */
export const plain = (said) => String(said).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
