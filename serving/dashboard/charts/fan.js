// Past and forecast of a quantity by week or month.

import { amounts } from "../columns.js";
import { dateOf, month, shortDay, words } from "../format.js";
import { amountAxis, timeAxis, upright } from "./axes.js";
import { fan, legendOf, quantiles } from "./bands.js";
import { chart } from "./plot.js";

/**
 * Draw history and forecast of a quantity, and a scenario beside it.
 * @param {{title: string, summary: string, quantity: string, every: string, asOf: string, plan: object, scenario?: object,
 *          notes?: string[]}} given `plan` and `scenario` are timelines
 */
export function fanChart(given) {
  const periods = [...given.plan.actual, ...given.plan.future];
  return chart({
    ...given,
    name: given.quantity,
    legend: legendOf(given),
    build: (theme, width) => ({ traces: fan(given, theme), layout: layout(given, periods, theme, width) }),
    table: { columns: columns(given), rows: periods, caption: `${given.title}, ${words().each[given.every]}` },
  });
}

function layout({ every, asOf }, periods, theme, width) {
  const values = periods.flatMap((period) => period.amount ?? [period.p05, period.p95]);
  return {
    xaxis: timeAxis(every, words().periodAxis[every], width),
    yaxis: { ...amountAxis(every, values), rangemode: "tozero" },
    shapes: [upright(asOf.slice(0, 10), theme)],
  };
}

function columns({ every, scenario }) {
  const changed = new Map((scenario?.future ?? []).map((period) => [period.start, period]));
  return [
    periodColumn(every),
    amounts(words().actual, (period) => period.amount),
    ...quantiles(),
    ...(scenario ? [amounts(words().scenario, (period) => changed.get(period.start)?.p50)] : []),
  ];
}

/** Give the column that names a period by its first day, or its month. */
export const periodColumn = (every) => ({
  title: words().period[every],
  value: (period) => +dateOf(period.start),
  show: (period) => (every === "month" ? month : shortDay)(period.start),
});
