// How right we were: predicted against observed, and how often bands held; on the diagonal both agree.

import { called, interval, number, share, words } from "../format.js";
import { chart, plain } from "./plot.js";

/**
 * Draw what was predicted against what came, by tenths of the predictions.
 * @param {{title: string, summary: string, bins: object[], counts: boolean}} given `counts` where the outcomes are numbers, not yes or no
 */
export function calibrationChart(given) {
  const format = given.counts ? (value) => number(value, 2) : share;
  const tickformat = given.counts ? ",.2~f" : ",.0%";
  const highest = Math.max(...given.bins.flatMap((bin) => [bin.predicted, bin.high ?? bin.observed]), 0.01);
  const said = (bin) => [
    words().pair(words().predicted, format(bin.predicted)), words().pair(words().observed, `${format(bin.observed)} (${interval(bin.low, bin.high, format)})`), words().times(number(bin.count)),
  ].join("<br>");
  return chart({
    ...given,
    name: "calibration",
    height: 320,
    legend: [["dot", words().observedInterval], ["rule diagonal", words().diagonal]],
    build: (theme) => ({
      traces: [diagonal(0, highest, theme), points(given.bins.map((bin) => bin.predicted), given.bins, theme.palette[0], said, theme)],
      layout: { hovermode: "closest", xaxis: { title: { text: words().predicted }, tickformat, range: [0, highest * 1.05] }, yaxis: { title: { text: words().observed }, tickformat, range: [0, highest * 1.08] } },
    }),
    table: { columns: binColumns(format), rows: given.bins },
  });
}

/**
 * Draw how often bands held beside how often they promised to, by quantity.
 * @param {{title: string, summary: string, judged: object[]}} given `judged` by quantity, each with coverage_50, _80 and _90
 */
export function coverageChart(given) {
  const levels = [50, 80, 90];
  const rows = given.judged.flatMap((one) => levels.map((level) => ({
    quantity: one.quantity, nominal: level / 100, observed: one[`coverage_${level}`], low: one[`coverage_${level}_interval`]?.[0], high: one[`coverage_${level}_interval`]?.[1], judged: one.judged,
  })));
  const said = (row) => words().pair(`${plain(called(row.quantity))}, ${words().bandOf(share(row.nominal))}`, `${share(row.observed)} (${interval(row.low, row.high, share)})`);
  return chart({
    ...given,
    name: "coverage",
    height: 320,
    legend: [...given.judged.map((one) => [`dot ${colorOf(one.quantity)}`, called(one.quantity)]), ["rule diagonal", words().promised]],
    build: (theme) => ({
      traces: [diagonal(0.4, 1, theme), ...given.judged.map((one, place) => {
        const mine = rows.filter((row) => row.quantity === one.quantity);
        return points(mine.map((row) => row.nominal + (place - (given.judged.length - 1) / 2) * 0.012), mine, theme.color(colorOf(one.quantity)), said, theme);
      })],
      layout: { hovermode: "closest", xaxis: { title: { text: words().nominalAxis }, tickformat: ",.0%", tickvals: levels.map((level) => level / 100), range: [0.42, 0.98] }, yaxis: { title: { text: words().heldAxis }, tickformat: ",.0%", range: [0, 1.04] } },
    }),
    table: { columns: coverageColumns(), rows },
  });
}

const colorOf = (quantity) => ({ receipts: "cash" }[quantity] ?? quantity);

const diagonal = (from, to, theme) => ({ type: "scatter", mode: "lines", x: [from, to], y: [from, to], line: { color: theme.color("quiet"), width: 1, dash: "dash" }, hoverinfo: "skip" });

function points(x, rows, color, said, theme) {
  return {
    type: "scatter", mode: "markers", x, y: rows.map((row) => row.observed), marker: { color, size: 9 },
    error_y: { type: "data", symmetric: false, array: rows.map((row) => (row.high ?? row.observed) - row.observed), arrayminus: rows.map((row) => row.observed - (row.low ?? row.observed)), color: theme.color("quiet"), thickness: 1.3, width: 4 },
    customdata: rows.map(said), hovertemplate: "%{customdata}<extra></extra>",
  };
}

function binColumns(format) {
  const said = words();
  return [
    { title: said.predicted, value: (bin) => bin.predicted, show: (bin) => format(bin.predicted), numeric: true },
    { title: said.observed, value: (bin) => bin.observed, show: (bin) => format(bin.observed), numeric: true },
    { title: said.intervalTitle, value: (bin) => bin.low, show: (bin) => interval(bin.low, bin.high, format), numeric: true },
    { title: said.count, value: (bin) => bin.count, show: (bin) => number(bin.count), numeric: true },
  ];
}

function coverageColumns() {
  const said = words();
  return [
    { title: said.quantity, value: (row) => called(row.quantity) },
    { title: said.nominalAxis, value: (row) => row.nominal, show: (row) => share(row.nominal), numeric: true },
    { title: said.heldAxis, value: (row) => row.observed, show: (row) => share(row.observed), numeric: true },
    { title: said.intervalTitle, value: (row) => row.low, show: (row) => interval(row.low, row.high, share), numeric: true },
    { title: said.count, value: (row) => row.judged, show: (row) => number(row.judged), numeric: true },
  ];
}
