// What a quantity is made of, period by period.

import { amounts } from "../columns.js";
import { called, dateOf, money, words } from "../format.js";
import { amountAxis, hints, timeAxis, upright } from "./axes.js";
import { periodColumn } from "./fan.js";
import { chart, plain } from "./plot.js";

const HALF = { week: 3.5 * 86_400_000, month: 15 * 86_400_000 };
// What is known stands at the bottom, what is least certain on top; channels go by their names.
const ORDER = ["won", "invoices", "purchases", "receivables", "new_invoices", "open_deals", "new_deals", "repeat_purchases", "planned"];
const inOrder = (one, other) => ORDER.indexOf(one) - ORDER.indexOf(other) || one.localeCompare(other);

/**
 * Draw the parts of each period, stacked: actual ones up to the facts' day, then expected ones.
 * @param {{title: string, summary: string, of: string, every: string, plan: {actual: object[], future: object[]}}} given
 */
export function partsChart(given) {
  const periods = [...given.plan.actual, ...given.plan.future];
  const names = [...new Set(periods.flatMap((period) => Object.keys(period.parts ?? {})))]
    .filter((name) => periods.some((period) => period.parts?.[name]))
    .sort(inOrder);
  const columns = names.map((name) => amounts(called(name), (period) => period.parts?.[name]));
  return chart({
    ...given,
    name: `${given.of}-parts`,
    legend: names.map((name, index) => [`series-${(index % 8) + 1}`, called(name)]),
    build: (theme, width) => ({
      traces: names.map((name, index) => stack(name, periods, theme.palette[index % 8])),
      layout: layout(given, periods, theme, width),
    }),
    table: { columns: [periodColumn(given.every), ...columns], rows: periods },
  });
}

function stack(name, periods, color) {
  return {
    type: "bar",
    meta: name,
    x: periods.map((period) => period.start.slice(0, 10)),
    y: periods.map((period) => period.parts?.[name] ?? null),
    marker: { color },
    ...hints(periods.map((period) => (period.parts?.[name] ? words().pair(plain(called(name)), money(period.parts[name])) : ""))),
  };
}

function layout({ every, plan }, periods, theme, width) {
  // bars stand about the first day of their period: past and future part half a period before it
  const parting = () => new Date(dateOf(plan.future[0].start) - HALF[every]).toISOString().slice(0, 10);
  return {
    barmode: "relative",
    bargap: 0.15,
    shapes: plan.actual.length && plan.future.length ? [upright(parting(), theme)] : [],
    xaxis: timeAxis(every, words().periodAxis[every], width),
    yaxis: amountAxis(every, periods.map((period) => period.amount ?? period.mean)), // prettier-ignore
  };
}
