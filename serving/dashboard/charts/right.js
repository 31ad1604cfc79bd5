// How right we were: predicted against observed, and how often bands held; on the diagonal both agree.

import { counts, intervals, shares, texts } from "../columns.js";
import { called, interval, number, share, words } from "../format.js";
import { hints } from "./axes.js";
import { errors } from "./intervals.js";
import { chart, plain } from "./plot.js";

const LEVELS = [50, 80, 90];
const ASIDE = 0.012;
const COLORS = { receipts: "cash" };

/**
 * Draw what was predicted against what came, by tenths of the predictions.
 * @param {{title: string, summary: string, bins: object[], counts: boolean}} given `counts` where the outcomes are numbers, not yes or no
 */
export function calibrationChart(given) {
  const format = given.counts ? (value) => number(value, 2) : share;
  const tickformat = given.counts ? ",.2~f" : ",.0%";
  const highest = Math.max(...given.bins.flatMap((bin) => [bin.predicted, bin.high ?? bin.observed]), 0.01);
  const rows = given.bins.map((bin) => ({ ...bin, x: bin.predicted, said: binSaid(bin, format) }));
  const axis = (title) => ({ title: { text: title }, tickformat, range: [0, highest * 1.06] });
  const said = words();
  return chart({
    ...given,
    name: "calibration",
    height: 320,
    legend: [
      ["dot", said.observedInterval],
      ["rule diagonal", said.diagonal],
    ],
    build: (theme) => ({
      traces: [diagonal(0, highest, theme), points(rows, theme.palette[0], theme)],
      layout: { hovermode: "closest", xaxis: axis(said.predicted), yaxis: axis(said.observed) },
    }),
    table: { columns: binColumns(format), rows: given.bins },
  });
}

function binSaid(bin, format) {
  const said = words();
  const observed = `${format(bin.observed)} (${interval(bin.low, bin.high, format)})`;
  return [said.pair(said.predicted, format(bin.predicted)), said.pair(said.observed, observed), said.times(number(bin.count))].join("<br>");
}

function binColumns(format) {
  const said = words();
  const formatted = (title, value) => ({ title, value, show: (bin) => format(value(bin)), numeric: true });
  return [
    formatted(said.predicted, (bin) => bin.predicted),
    formatted(said.observed, (bin) => bin.observed),
    intervals(said.intervalTitle, (bin) => bin, format),
    counts(said.count, (bin) => bin.count),
  ];
}

/**
 * Draw how often bands held beside how often they promised to, by quantity.
 * @param {{title: string, summary: string, judged: object[]}} given `judged` by quantity, each with coverage_50, _80 and _90
 */
export function coverageChart(given) {
  const series = given.judged.map((one, place) => held(one, (place - (given.judged.length - 1) / 2) * ASIDE));
  const said = words();
  const xaxis = {
    title: { text: said.nominalAxis },
    tickformat: ",.0%",
    tickvals: LEVELS.map((level) => level / 100),
    range: [0.42, 0.98],
  };
  return chart({
    ...given,
    name: "coverage",
    height: 320,
    legend: [...given.judged.map(({ quantity }) => [`dot ${quantity}`, called(quantity)]), ["rule diagonal", said.promised]],
    build: (theme) => ({
      traces: [diagonal(0.4, 1, theme), ...series.map((rows) => points(rows, theme.color(colorOf(rows[0])), theme))],
      layout: { hovermode: "closest", xaxis, yaxis: { title: { text: said.heldAxis }, tickformat: ",.0%", range: [0, 1.04] } },
    }),
    table: { columns: heldColumns(), rows: series.flat() },
  });
}

const colorOf = ({ quantity }) => COLORS[quantity] ?? quantity;

// Quantities stand side by side, so that their error bars don't hide one another.
function held(one, aside) {
  return LEVELS.map((level) => {
    const [low, high] = one[`coverage_${level}_interval`];
    const row = { quantity: one.quantity, nominal: level / 100, observed: one[`coverage_${level}`], low, high, judged: one.judged };
    const name = `${plain(called(row.quantity))}, ${words().bandOf(share(row.nominal))}`;
    return { ...row, x: row.nominal + aside, said: words().pair(name, `${share(row.observed)} (${interval(low, high, share)})`) };
  });
}

function heldColumns() {
  const said = words();
  return [
    texts(said.quantity, (row) => called(row.quantity)),
    shares(said.nominalAxis, (row) => row.nominal),
    shares(said.heldAxis, (row) => row.observed),
    intervals(said.intervalTitle, (row) => row, share),
    counts(said.count, (row) => row.judged),
  ];
}

const diagonal = (from, to, theme) => ({
  type: "scatter",
  mode: "lines",
  x: [from, to],
  y: [from, to],
  line: { color: theme.color("quiet"), width: 1, dash: "dash" },
  hoverinfo: "skip",
});

const points = (rows, color, theme) => ({
  type: "scatter",
  mode: "markers",
  x: rows.map((row) => row.x),
  y: rows.map((row) => row.observed),
  marker: { color, size: 9 },
  error_y: errors(rows, "observed", theme.color("quiet")),
  ...hints(rows.map((row) => row.said)),
});
