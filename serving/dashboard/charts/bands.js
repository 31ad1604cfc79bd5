// A forecast as bands of 90, 80 and 50 % about its median, joined to what is known; a scenario as dashes over it.

import { amounts } from "../columns.js";
import { day, interval, money, share, words } from "../format.js";
import { faded, hints } from "./axes.js";

const BANDS = [
  { level: 0.9, kind: "nearly", low: "p05", high: "p95", opacity: 0.16 },
  { level: 0.8, kind: "most", low: "p10", high: "p90", opacity: 0.22 },
  { level: 0.5, kind: "half", low: "p25", high: "p75", opacity: 0.34 },
];
const QUANTILES = { likely: "p50", low80: "p10", high80: "p90", low90: "p05", high90: "p95" };

/** Give a period that is known for certain: all its quantiles are one amount. */
export const certain = (start, amount) => ({
  start,
  p50: amount,
  ...Object.fromEntries(BANDS.flatMap(({ low, high }) => [[low, amount], [high, amount]])), // prettier-ignore
});

/**
 * Give the traces of history, bands and median, and of a scenario where there is one.
 * @param {{quantity: string, plan: {actual: object[], future: object[]}, scenario?: {future: object[]}}} given
 */
export function fan({ quantity, plan, scenario }, theme) {
  const color = theme.color(quantity);
  const last = plan.actual.at(-1);
  const joined = last ? [certain(last.start, last.amount), ...plan.future] : plan.future;
  const known = line("history", plan.actual, "amount", { color: theme.color("ink"), width: 2 });
  return [
    ...BANDS.map((band) => area(joined, band, color)),
    { ...known, ...hints(plan.actual.map((period) => words().actualValue(money(period.amount)))) },
    line("joint", joined.slice(0, 2), "p50", { color, width: 2 }),
    { ...line("median", plan.future, "p50", { color, width: 2.5 }), ...hints(plan.future.map(told)) },
    ...(scenario ? besides(scenario.future, theme.color("scenario")) : []),
  ];
}

const starts = (periods) => periods.map((period) => period.start.slice(0, 10));

const line = (meta, periods, level, style) => ({
  type: "scatter",
  mode: "lines",
  meta,
  x: starts(periods),
  y: periods.map((period) => period[level]),
  line: style,
  hoverinfo: "skip",
});

function area(periods, { low, high, opacity }, color) {
  const [there, back] = [periods, periods.toReversed()];
  return {
    ...line(`${low}-${high}`, [...there, ...back], low, { width: 0 }),
    y: [...there.map((period) => period[high]), ...back.map((period) => period[low])],
    fill: "toself",
    fillcolor: faded(color, opacity),
  };
}

function told(period) {
  const bands = BANDS.toReversed().map(({ level, low, high }) => words().pair(share(level), interval(period[low], period[high], money)));
  return [words().likelyValue(money(period.p50)), ...bands].join("<br>");
}

function besides(future, color) {
  const said = future.map((period) => words().scenarioValue(money(period.p50), interval(period.p10, period.p90, money)));
  return [
    line("scenario-p10", future, "p10", { color, width: 1, dash: "dot" }),
    line("scenario-p90", future, "p90", { color, width: 1, dash: "dot" }),
    { ...line("scenario", future, "p50", { color, width: 2.5, dash: "dash" }), ...hints(said) },
  ];
}

/** Give the legend of a fan. */
export function legendOf({ quantity, plan, scenario, asOf }) {
  const said = words();
  const bands = BANDS.toReversed().map(({ level, kind }) => [`band ${kind} ${quantity}`, said.futures(share(level))]);
  return [
    plan.actual.length > 0 && ["actual", said.actual],
    [`median ${quantity}`, said.likely],
    ...bands,
    scenario && ["scenario", said.scenario],
    plan.actual.length > 0 && ["today", said.asOf(day(asOf))],
  ].filter(Boolean);
}

/** Give the columns of a fan's quantiles. */
export const quantiles = () => Object.entries(QUANTILES).map(([name, level]) => amounts(words()[name], (period) => period[level]));
