// Parts that add up, credits beside last click, values with their intervals, and a list's expected profit.

import { called, currencySign, dateOf, interval, money, month, number, share, shortDay, words } from "../format.js";
import { faded, timeAxis } from "./fan.js";
import { chart, plain, ticksFor } from "./plot.js";

/**
 * Draw the parts of each period, stacked; what lies before the facts' day has actual parts, what lies after expected ones.
 * @param {{title: string, summary: string, every: string, asOf: string, plan: {actual: object[], future: object[]}}} given
 */
export function partsChart(given) {
  const periods = [...given.plan.actual, ...given.plan.future];
  const names = [...new Set(periods.flatMap((period) => Object.keys(period.parts ?? {})))].filter((name) => periods.some((period) => period.parts?.[name])).sort(inOrder);
  const amount = (name) => ({ title: called(name), value: (period) => period.parts?.[name], show: (period) => money(period.parts?.[name]), numeric: true });
  const show = (period) => (given.every === "month" ? month(period.start) : shortDay(period.start));
  return chart({
    ...given,
    quantity: undefined,
    name: `${given.quantity}-parts`,
    legend: names.map((name, index) => [`series-${(index % 8) + 1}`, called(name)]),
    build: (theme, width) => ({ traces: names.map((name, index) => stack(name, periods, theme.palette[index % 8])), layout: stackLayout(given, theme, periods, width) }),
    table: { columns: [{ title: words().period[given.every], value: (period) => +dateOf(period.start), show }, ...names.map(amount)], rows: periods },
  });
}

// What is known stands at the bottom, what is least certain on top; channels go by their names.
const ORDER = ["won", "invoices", "purchases", "receivables", "new_invoices", "open_deals", "new_deals", "repeat_purchases", "planned"];
const inOrder = (one, other) => ORDER.indexOf(one) - ORDER.indexOf(other) || one.localeCompare(other);

function stack(name, periods, color) {
  const said = (period) => (period.parts?.[name] ? words().pair(plain(called(name)), money(period.parts[name])) : "");
  return {
    type: "bar", meta: name, x: periods.map((period) => period.start.slice(0, 10)), y: periods.map((period) => period.parts?.[name] ?? null),
    marker: { color }, customdata: periods.map(said), hovertemplate: "%{customdata}<extra></extra>",
  };
}

function stackLayout(given, theme, periods, width) {
  const at = given.plan.future[0]?.start.slice(0, 10) ?? given.asOf.slice(0, 10);
  const middle = given.plan.actual.length ? [{ type: "line", x0: halfBefore(at, given.every), x1: halfBefore(at, given.every), yref: "paper", y0: 0, y1: 1, line: { color: theme.color("quiet"), width: 1, dash: "dot" } }] : [];
  return {
    barmode: "relative", bargap: 0.15, shapes: middle,
    xaxis: timeAxis(given.every, words().periodAxis[given.every], width),
    yaxis: { title: { text: words().amountEach[given.every](currencySign()) }, tickformat: ticksFor(periods.map((period) => period.amount ?? period.mean ?? 0)) },
  };
}

// Bars stand about the first day of their period: the line between past and future goes half a period before it.
const halfBefore = (stamp, every) => new Date(+dateOf(stamp) - (every === "month" ? 15 : 3.5) * 86_400_000).toISOString().slice(0, 10);

/**
 * Draw credits by channel with their intervals, last click beside them.
 * @param {{title: string, summary: string, chosen: object, last: object|null}} given
 */
export function creditsChart(given) {
  const credits = [...given.chosen.credits].sort((one, other) => one.conversions - other.conversions);
  const lastOf = new Map((given.last?.credits ?? []).map((credit) => [credit.channel, credit]));
  const beside = credits.map((credit) => lastOf.get(credit.channel) ?? { channel: credit.channel, conversions: 0 });
  const method = words().methods[given.chosen.method] ?? given.chosen.method;
  return chart({
    ...given,
    name: "credits",
    height: 90 + credits.length * 44,
    legend: [["series-1", method], given.last && ["muted", words().methods.last]].filter(Boolean),
    build: (theme) => ({
      traces: [...(given.last ? [creditBars(beside, theme.color("muted"), theme)] : []), creditBars(credits, theme.palette[0], theme)],
      layout: { barmode: "group", bargap: 0.25, hovermode: "closest", xaxis: { title: { text: words().creditAxis }, tickformat: ",.0f" }, yaxis: { type: "category", automargin: true } },
    }),
    table: { columns: creditColumns(lastOf), rows: [...credits].reverse() },
  });
}

function creditBars(credits, color, theme) {
  return {
    type: "bar", orientation: "h", y: credits.map((credit) => plain(called(credit.channel))), x: credits.map((credit) => credit.conversions), marker: { color },
    error_x: errors(credits, "conversions", theme),
    customdata: credits.map((credit) => words().pair(plain(called(credit.channel)), `${number(credit.conversions)} ${bracketed(credit, number)}`)), hovertemplate: "%{customdata}<extra></extra>",
  };
}

function creditColumns(lastOf) {
  const said = words();
  const count = (title, value) => ({ title, value, show: (credit) => number(value(credit)), numeric: true });
  return [
    { title: said.channel, value: (credit) => called(credit.channel) },
    count(said.conversions, (credit) => credit.conversions),
    { title: said.intervalTitle, value: (credit) => credit.low, show: (credit) => interval(credit.low, credit.high) || "–", numeric: true },
    { title: said.shareTitle, value: (credit) => credit.share, show: (credit) => share(credit.share), numeric: true },
    { title: said.value, value: (credit) => credit.value, show: (credit) => money(credit.value), numeric: true },
    count(said.methods.last, (credit) => lastOf.get(credit.channel)?.conversions),
  ];
}

const bracketed = (one, format) => (interval(one.low, one.high, format) ? `(${interval(one.low, one.high, format)})` : "");

function errors(items, name, theme) {
  const missing = items.every((item) => typeof item.low !== "number");
  if (missing) return undefined;
  return { type: "data", symmetric: false, array: items.map((item) => (item.high ?? item[name]) - item[name]), arrayminus: items.map((item) => item[name] - (item.low ?? item[name])), color: theme.color("ink"), thickness: 1.3, width: 4 };
}

/**
 * Draw values with their intervals, one a row.
 * @param {{title: string, summary: string, axis: string, rows: {label: string, value: number, low: number, high: number}[], table: object, format: Function}} given
 */
export function dotsChart(given) {
  const rows = [...given.rows].reverse();
  return chart({
    ...given,
    name: "segments",
    height: 80 + rows.length * 30,
    build: (theme) => ({
      traces: [{
        type: "scatter", mode: "markers", x: rows.map((row) => row.value), y: rows.map((row) => plain(row.label)), marker: { color: theme.palette[0], size: 9 }, error_x: errors(rows, "value", theme),
        customdata: rows.map((row) => words().pair(plain(row.label), `${given.format(row.value)} ${bracketed(row, given.format)}`)), hovertemplate: "%{customdata}<extra></extra>",
      }],
      layout: { hovermode: "closest", xaxis: { title: { text: given.axis }, rangemode: "tozero", tickformat: ticksFor(rows.map((row) => row.value)) }, yaxis: { type: "category", automargin: true } },
    }),
  });
}

/** Draw the expected profit of a list by its length, with the length that was chosen. */
export function profitChart(given) {
  const { curve, size } = given;
  return chart({
    ...given,
    name: "profit",
    height: 220,
    build: (theme) => ({
      traces: [{ type: "scatter", mode: "lines", x: curve.map((one) => one.size), y: curve.map((one) => one.profit), line: { color: theme.palette[0], width: 2.5 }, fill: "tozeroy", fillcolor: faded(theme.palette[0], 0.12), customdata: curve.map((one) => words().pair(number(one.size), money(one.profit))), hovertemplate: "%{customdata}<extra></extra>" }],
      layout: {
        hovermode: "x", xaxis: { title: { text: words().sizeAxis }, tickformat: ",.0f", showgrid: false }, yaxis: { title: { text: `${words().profitAxis}, ${currencySign()}` }, tickformat: ticksFor(curve.map((one) => one.profit)) },
        shapes: [{ type: "line", x0: size, x1: size, yref: "paper", y0: 0, y1: 1, line: { color: theme.color("quiet"), width: 1, dash: "dot" } }],
      },
    }),
    table: { columns: [{ title: words().sizeAxis, value: (one) => one.size, show: (one) => number(one.size), numeric: true }, { title: words().profitAxis, value: (one) => one.profit, show: (one) => money(one.profit), numeric: true }], rows: curve, limit: 25 },
  });
}
