// Axes, lines and colours that several charts share.

import { currencySign, words } from "../format.js";

/** Give an axis of weeks or months, with as many labels as stand side by side. */
export function timeAxis(every, title, width) {
  const [tickformat, hoverformat] = every === "month" ? ["%b %Y", "%B %Y"] : ["%-d %b", "%-d %b %Y"];
  const nticks = Math.min(Math.max(Math.floor(width / 65), 2), 9);
  return { type: "date", title: { text: title }, tickformat, hoverformat, nticks, tickangle: 0, showgrid: false };
}

/** Give an axis of amounts per week or month. */
export const amountAxis = (every, amounts) => ({
  title: { text: words().amountEach[every](currencySign()) },
  tickformat: ticksFor(amounts),
});

/** Give the number format of an axis: decimals only where the values are small. */
export const ticksFor = (values) => (Math.max(...values.map(Math.abs), 0) < 10 ? ",.2~f" : ",.0f");

/** Give an upright dotted line, such as the day of the facts. */
export const upright = (x, theme) => ({
  type: "line",
  x0: x,
  x1: x,
  yref: "paper",
  y0: 0,
  y1: 1,
  line: { color: theme.color("quiet"), width: 1, dash: "dot" },
});

/** Give what is shown of each point when it is pointed at: texts that we formatted. */
export const hints = (texts) => ({ customdata: texts, hovertemplate: "%{customdata}<extra></extra>" });

/** Give a colour with an opacity. */
export function faded(color, opacity) {
  const [red, green, blue] = [1, 3, 5].map((place) => Number.parseInt(color.slice(place, place + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}
