// What a list is expected to bring by its length.

import { amounts, counts } from "../columns.js";
import { currencySign, money, number, words } from "../format.js";
import { faded, hints, ticksFor, upright } from "./axes.js";
import { chart } from "./plot.js";

/**
 * Draw the expected profit by the number of contacts, with the number that was chosen.
 * @param {{title: string, summary: string, curve: {size: number, profit: number}[], size: number}} given
 */
export function profitChart(given) {
  const profits = given.curve.map((one) => one.profit);
  const said = words();
  return chart({
    ...given,
    name: "profit",
    height: 220,
    build: (theme) => ({
      traces: [curve(given.curve, theme.palette[0])],
      layout: {
        hovermode: "x",
        xaxis: { title: { text: said.sizeAxis }, tickformat: ",.0f", showgrid: false },
        yaxis: { title: { text: `${said.profitAxis}, ${currencySign()}` }, tickformat: ticksFor(profits) },
        shapes: [upright(given.size, theme)],
      },
    }),
    table: {
      columns: [counts(said.sizeAxis, (one) => one.size), amounts(said.profitAxis, (one) => one.profit)],
      rows: given.curve,
      limit: 25,
    },
  });
}

const curve = (points, color) => ({
  type: "scatter",
  mode: "lines",
  x: points.map((one) => one.size),
  y: points.map((one) => one.profit),
  line: { color, width: 2.5 },
  fill: "tozeroy",
  fillcolor: faded(color, 0.12),
  ...hints(points.map((one) => words().pair(number(one.size), money(one.profit)))),
});
