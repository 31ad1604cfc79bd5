// Fans: the past as a line, the future as bands of 90, 80 and 50 % about its median.

import { currencySign, dateOf, day, interval, money, month, share, shortDay, words } from "../format.js";
import { chart, ticksFor } from "./plot.js";

const BANDS = [["p05", "p95", 0.16], ["p10", "p90", 0.22], ["p25", "p75", 0.34]];
const LEVELS = { p05: "p95", p10: "p90", p25: "p75" };

/**
 * Draw history and forecast of a quantity, and a scenario beside it.
 * @param {{title: string, summary: string, quantity: string, every: string, asOf: string, plan: object, scenario?: object, notes?: string[]}} given
 *        `plan` and `scenario` are timelines
 */
export function fanChart(given) {
  const said = words();
  const periods = [...given.plan.actual, ...given.plan.future];
  return chart({
    ...given,
    name: given.quantity,
    legend: legendOf(given),
    build: (theme, width) => ({ traces: traces(given, theme), layout: layout(given, theme, periods, width) }),
    table: { columns: columns(given), rows: periods, caption: `${given.title}, ${said.each[given.every]}` },
  });
}

/**
 * Draw the path of the balance with the probability that it is below zero, and below the floor.
 * @param {{title: string, summary: string, asOf: string, opening: number, floor: number|null, plan: object[], scenario?: object[]}} given
 */
export function balanceChart(given) {
  const start = { start: given.asOf, end: given.asOf, ...Object.fromEntries(Object.entries(LEVELS).flat().map((level) => [level, given.opening])), p50: given.opening };
  const path = (periods) => ({ actual: [], future: [start, ...periods].map((period) => ({ ...period, start: period.end })) });
  const drawn = { ...given, quantity: "cash", plan: path(given.plan), scenario: given.scenario && path(given.scenario) };
  return chart({
    ...given,
    name: "balance",
    height: 380,
    legend: [...legendOf(drawn), given.floor !== null && ["rule", words().floor(money(given.floor))], ["bar-floor", words().belowFloor], ["bar-zero", words().belowZero]].filter(Boolean),
    build: (theme, width) => ({ traces: [...traces(drawn, theme), ...risks(given, theme)], layout: balanceLayout(drawn, theme, width) }),
    table: { columns: balanceColumns(), rows: given.plan },
  });
}

const startsOf = (periods) => periods.map((period) => period.start.slice(0, 10));

function traces(given, theme) {
  const color = theme.color(given.quantity);
  const { actual, future } = given.plan;
  const joint = actual.at(-1) && { ...Object.fromEntries([...Object.entries(LEVELS).flat(), "p50"].map((level) => [level, actual.at(-1).amount])), start: actual.at(-1).start };
  const fan = joint ? [joint, ...future] : future;
  const found = BANDS.map(([low, high, opacity]) => band(fan, low, high, faded(color, opacity)));
  if (actual.length) found.push(line("history", actual, actual.map((period) => period.amount), { color: theme.color("ink"), width: 2 }, (period) => words().actualValue(money(period.amount))));
  found.push({ ...line("joint", fan.slice(0, 2), fan.slice(0, 2).map((period) => period.p50), { color, width: 2 }), hoverinfo: "skip" });
  found.push(line("median", future, future.map((period) => period.p50), { color, width: 2.5 }, told));
  if (given.scenario) found.push(...besides(given.scenario.future, theme.color("scenario")));
  return found;
}

function band(fan, low, high, fillcolor) {
  const x = startsOf(fan);
  return { type: "scatter", mode: "lines", meta: `${low}-${high}`, x: [...x, ...x.toReversed()], y: [...fan.map((period) => period[high]), ...fan.map((period) => period[low]).toReversed()], fill: "toself", fillcolor, line: { width: 0 }, hoverinfo: "skip" };
}

function line(meta, periods, y, style, say = () => "") {
  return { type: "scatter", mode: "lines", meta, x: startsOf(periods), y, line: style, customdata: periods.map(say), hovertemplate: "%{customdata}<extra></extra>" };
}

const told = (period) => [
  words().likelyValue(money(period.p50)),
  ...[["50", "p25", "p75"], ["80", "p10", "p90"], ["90", "p05", "p95"]].map(([level, low, high]) => words().pair(share(level / 100), interval(period[low], period[high], money))),
].join("<br>");

function besides(future, color) {
  const edge = (level) => ({ ...line(`scenario-${level}`, future, future.map((period) => period[level]), { color, width: 1, dash: "dot" }), hoverinfo: "skip", hovertemplate: undefined });
  return [edge("p10"), edge("p90"), line("scenario", future, future.map((period) => period.p50), { color, width: 2.5, dash: "dash" }, (period) => words().scenarioValue(money(period.p50), interval(period.p10, period.p90, money)))];
}

function risks(given, theme) {
  const x = given.plan.map((period) => period.end.slice(0, 10));
  const bars = (name, color, said) => ({
    type: "bar", meta: name, x, y: given.plan.map((period) => period[name]), yaxis: "y2", marker: { color }, customdata: given.plan.map((period) => said(share(period[name]))), hovertemplate: "%{customdata}<extra></extra>",
  });
  const found = [bars("p_below_zero", theme.color("cash"), words().zeroValue)];
  return given.floor === null ? found : [bars("p_below_floor", faded(theme.color("cash"), 0.4), words().floorValue), ...found];
}

function layout(given, theme, periods, width) {
  const values = periods.flatMap((period) => period.amount ?? [period.p05, period.p95]);
  return {
    xaxis: timeAxis(given.every, words().periodAxis[given.every], width),
    yaxis: { title: { text: words().amountEach[given.every](currencySign()) }, tickformat: ticksFor(values), rangemode: "tozero" },
    shapes: [asOfLine(given, theme)],
  };
}

function balanceLayout(given, theme, width) {
  const values = given.plan.future.flatMap((period) => [period.p05, period.p95]);
  const floor = given.floor !== null && { type: "line", xref: "paper", x0: 0, x1: 1, y0: given.floor, y1: given.floor, line: { color: theme.color("alarm"), width: 1.5, dash: "dash" } };
  const highest = Math.max(...given.plan.future.map((period) => Math.max(period.p_below_zero ?? 0, period.p_below_floor ?? 0)));
  return {
    barmode: "overlay",
    xaxis: { ...timeAxis(given.every, words().endAxis, width), anchor: "y2" },
    yaxis: { title: { text: words().balanceAxis(currencySign()) }, tickformat: ticksFor(values), domain: [0.36, 1], zeroline: true, zerolinewidth: 2 },
    yaxis2: { title: { text: words().riskAxis }, tickformat: ",.0%", domain: [0, 0.22], range: [0, Math.max(highest * 1.15, 0.1)], nticks: 3 },
    shapes: floor ? [floor] : [],
  };
}

/** Give an axis of weeks or months, with as many labels as stand side by side. */
export function timeAxis(every, title, width) {
  const [tickformat, hoverformat] = every === "month" ? ["%b %Y", "%B %Y"] : ["%-d %b", "%-d %b %Y"];
  return { type: "date", title: { text: title }, tickformat, hoverformat, nticks: Math.min(Math.max(Math.floor(width / 65), 2), 9), tickangle: 0, showgrid: false };
}

const asOfLine = (given, theme) => ({ type: "line", x0: given.asOf.slice(0, 10), x1: given.asOf.slice(0, 10), yref: "paper", y0: 0, y1: 1, line: { color: theme.color("quiet"), width: 1, dash: "dot" } });

function legendOf(given) {
  const said = words();
  return [
    given.plan.actual.length > 0 && ["actual", said.actual],
    [`median ${given.quantity}`, said.likely],
    ...[["half", 0.5], ["most", 0.8], ["nearly", 0.9]].map(([kind, level]) => [`band ${kind} ${given.quantity}`, said.futures(share(level))]),
    given.scenario && ["scenario", said.scenario],
    given.plan.actual.length > 0 && ["today", said.asOf(day(given.asOf))],
  ].filter(Boolean);
}

function columns(given) {
  const said = words();
  const period = { title: said.period[given.every], value: (one) => +dateOf(one.start), show: (one) => (given.every === "month" ? month(one.start) : shortDay(one.start)) };
  const amount = (title, value) => ({ title, value, show: (one) => money(value(one)), numeric: true });
  const scenario = new Map((given.scenario?.future ?? []).map((one) => [one.start, one]));
  return [
    period,
    amount(said.actual, (one) => one.amount),
    ...quantiles(amount),
    ...(given.scenario ? [amount(said.scenario, (one) => scenario.get(one.start)?.p50)] : []),
  ];
}

const quantiles = (amount) => [["likely", "p50"], ["low80", "p10"], ["high80", "p90"], ["low90", "p05"], ["high90", "p95"]].map(([name, level]) => amount(words()[name], (one) => one[level]));

function balanceColumns() {
  const amount = (title, value) => ({ title, value, show: (one) => money(value(one)), numeric: true });
  const risk = (title, name) => ({ title, value: (one) => one[name], show: (one) => share(one[name]), numeric: true });
  return [
    { title: words().endAxis, value: (one) => +dateOf(one.end), show: (one) => shortDay(one.end) },
    ...quantiles(amount), risk(words().belowZero, "p_below_zero"), risk(words().belowFloor, "p_below_floor"),
  ];
}

/** Give a colour with an opacity. */
export function faded(color, opacity) {
  const [red, green, blue] = [1, 3, 5].map((place) => Number.parseInt(color.slice(place, place + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}
