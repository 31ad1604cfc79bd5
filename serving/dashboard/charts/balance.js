// The path of the account's balance, with the risk of falling below zero or below the floor.

import { shares } from "../columns.js";
import { currencySign, dateOf, money, share, shortDay, words } from "../format.js";
import { faded, hints, ticksFor, timeAxis } from "./axes.js";
import { certain, fan, legendOf, quantiles } from "./bands.js";
import { chart } from "./plot.js";

/**
 * Draw the balance at the end of each period and, below it, the risks.
 * @param {{title: string, summary: string, asOf: string, opening: number, floor: number|null, plan: object[], scenario?: object[]}} given
 */
export function balanceChart(given) {
  const path = (periods) => ({
    actual: [],
    future: [certain(given.asOf, given.opening), ...periods.map((period) => ({ ...period, start: period.end }))],
  });
  const drawn = { quantity: "cash", plan: path(given.plan), scenario: given.scenario && path(given.scenario) };
  return chart({
    ...given,
    name: "balance",
    height: 380,
    legend: [...legendOf(drawn), ...legendOfRisks(given.floor)],
    build: (theme, width) => ({ traces: [...fan(drawn, theme), ...risks(given, theme)], layout: layout(given, theme, width) }),
    table: { columns: columns(given.floor), rows: given.plan },
  });
}

function legendOfRisks(floor) {
  const said = words();
  const ofFloor = [
    ["rule", said.floor(money(floor))],
    ["bar-floor", said.belowFloor],
  ];
  return [...(floor === null ? [] : ofFloor), ["bar-zero", said.belowZero]];
}

function risks({ plan, floor }, theme) {
  const bars = (name, color, say) => ({
    type: "bar",
    meta: name,
    x: plan.map((period) => period.end.slice(0, 10)),
    y: plan.map((period) => period[name]),
    yaxis: "y2",
    marker: { color },
    ...hints(plan.map((period) => say(share(period[name])))),
  });
  const belowZero = bars("p_below_zero", theme.color("cash"), words().zeroValue);
  return floor === null ? [belowZero] : [bars("p_below_floor", faded(theme.color("cash"), 0.4), words().floorValue), belowZero];
}

function layout({ plan, floor }, theme, width) {
  const values = plan.flatMap((period) => [period.p05, period.p95]);
  const highest = Math.max(...plan.map((period) => Math.max(period.p_below_zero, period.p_below_floor)));
  const rule = { type: "line", xref: "paper", x0: 0, x1: 1, y0: floor, y1: floor, line: { color: theme.color("alarm"), dash: "dash" } };
  return {
    barmode: "overlay",
    xaxis: { ...timeAxis("week", words().endAxis, width), anchor: "y2" },
    yaxis: { title: { text: words().balanceAxis(currencySign()) }, tickformat: ticksFor(values), domain: [0.36, 1], zerolinewidth: 2 },
    yaxis2: {
      title: { text: words().riskAxis },
      tickformat: ",.0%",
      domain: [0, 0.22],
      range: [0, Math.max(highest * 1.15, 0.1)],
      nticks: 3,
    },
    shapes: floor === null ? [] : [rule],
  };
}

function columns(floor) {
  const end = { title: words().endAxis, value: (period) => +dateOf(period.end), show: (period) => shortDay(period.end) };
  const belowFloor = floor === null ? [] : [shares(words().belowFloor, (period) => period.p_below_floor)];
  return [end, ...quantiles(), shares(words().belowZero, (period) => period.p_below_zero), ...belowFloor];
}
