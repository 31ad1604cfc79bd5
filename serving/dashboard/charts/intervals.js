// Values by name with their intervals: credits of channels beside last click, and what segments are worth.

import { amounts, counts, intervals, shares, texts } from "../columns.js";
import { called, interval, number, words } from "../format.js";
import { hints, ticksFor } from "./axes.js";
import { chart, plain } from "./plot.js";

/**
 * Draw credits by channel, last click beside them.
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
    legend: [["series-1", method], ...(given.last ? [["muted", words().methods.last]] : [])],
    build: (theme) => ({
      traces: [...(given.last ? [bars(beside, theme.color("muted"), theme)] : []), bars(credits, theme.palette[0], theme)],
      layout: byName({ title: { text: words().creditAxis }, tickformat: ",.0f" }),
    }),
    table: { columns: creditColumns(lastOf), rows: credits.toReversed() },
  });
}

function bars(credits, color, theme) {
  const rows = credits.map((credit) => ({ ...credit, label: called(credit.channel), value: credit.conversions }));
  return { type: "bar", orientation: "h", marker: { color }, ...points(rows, theme, (value) => number(value)) };
}

function creditColumns(lastOf) {
  const said = words();
  return [
    texts(said.channel, (credit) => called(credit.channel)),
    counts(said.conversions, (credit) => credit.conversions),
    intervals(said.intervalTitle, (credit) => credit, (value) => number(value)), // prettier-ignore
    shares(said.shareTitle, (credit) => credit.share),
    amounts(said.value, (credit) => credit.value),
    counts(said.methods.last, (credit) => lastOf.get(credit.channel)?.conversions),
  ];
}

/**
 * Draw values as dots, one a row.
 * @param {{title: string, summary: string, axis: string, table: object, format: Function,
 *          rows: {label: string, value: number, low: number, high: number}[]}} given
 */
export function dotsChart(given) {
  const rows = given.rows.toReversed();
  const tickformat = ticksFor(rows.map((row) => row.value));
  return chart({
    ...given,
    name: "segments",
    height: 80 + rows.length * 30,
    build: (theme) => ({
      traces: [{ type: "scatter", mode: "markers", marker: { color: theme.palette[0], size: 9 }, ...points(rows, theme, given.format) }],
      layout: byName({ title: { text: given.axis }, rangemode: "tozero", tickformat }),
    }),
  });
}

const byName = (xaxis) => ({ barmode: "group", bargap: 0.25, hovermode: "closest", xaxis, yaxis: { type: "category" } });

function points(rows, theme, format) {
  const said = ({ label, value, low, high }) => {
    const range = interval(low, high, format);
    return words().pair(plain(label), range ? `${format(value)} (${range})` : format(value));
  };
  return {
    x: rows.map((row) => row.value),
    y: rows.map((row) => plain(row.label)),
    error_x: errors(rows, "value", theme.color("ink")),
    ...hints(rows.map(said)),
  };
}

/** Give error bars from the rows' low to their high, about a value of them; none where no interval is known. */
export function errors(rows, name, color) {
  if (rows.every((row) => typeof row.low !== "number")) return undefined;
  const array = rows.map((row) => (row.high ?? row[name]) - row[name]);
  const arrayminus = rows.map((row) => row[name] - (row.low ?? row[name]));
  return { type: "data", symmetric: false, array, arrayminus, color, thickness: 1.3, width: 4 };
}
