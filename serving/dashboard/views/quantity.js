// One quantity's forecast: its fan, the balance where it is cash, its parts, and how right earlier ones were.

import { balanceChart } from "../charts/balance.js";
import { fanChart } from "../charts/fan.js";
import { partsChart } from "../charts/parts.js";
import { el, list, more } from "../dom.js";
import { called, day, dayBefore, money, share, text, words } from "../format.js";
import { timeline } from "../timeline.js";

/**
 * Give what is shown of a quantity.
 * @param {{quantity: string, every: string, document: object, beside?: object}} given the plan's answer, and a scenario's beside it
 */
export const content = (given) => [fan(given), balance(given), parts(given), remarks(given.document)];

function fan({ quantity, every, document, beside }) {
  const plan = timeline(document.past, document.periods);
  const inScenario = beside && words().scenarioTotal(...amountsOf(beside.total));
  return fanChart({
    title: words().fanTitle[quantity],
    summary: [totalSaid(document), inScenario].filter(Boolean).join(" "),
    quantity,
    every,
    asOf: document.as_of,
    plan,
    scenario: beside && timeline(document.past, beside.periods),
    notes: [begunSaid(plan, every)],
  });
}

const totalSaid = ({ periods, total }) => words().total(day(periods[0].start), day(dayBefore(periods.at(-1).end)), ...amountsOf(total));

const amountsOf = (total) => [total.mean, total.p50, total.p10, total.p90].map((amount) => money(amount));

function begunSaid({ begun, leftOut }, every) {
  if (begun) return words().begun[every](day(begun.start), money(begun.known));
  return leftOut && words().leftOut[every](day(leftOut.start), money(leftOut.p50));
}

function balance({ document, beside }) {
  if (!document.balance) return null;
  const { shortfall, balance: path, periods } = document;
  const floor = shortfall.floor || null; // a floor of zero is the zero line
  return balanceChart({
    title: words().balanceTitle,
    summary: shortfallSaid(shortfall, floor),
    asOf: document.as_of,
    floor,
    opening: path[0].mean - periods[0].mean,
    plan: path,
    scenario: beside?.balance,
  });
}

function shortfallSaid(shortfall, floor) {
  const said = [words().shortfall(share(shortfall.probability))];
  if (floor !== null) said.push(words().shortfallFloor(share(shortfall.probability_below_floor), money(floor)));
  if (shortfall.first_week_p50) said.push(words().firstWeek(day(shortfall.first_week_p50)));
  return said.join(" ");
}

function parts({ quantity, every, document }) {
  const known = Object.entries(document.total.parts).filter(([, amount]) => amount);
  if (known.length < 2) return null;
  const largest = known.toSorted((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const summary = words().parts(largest.map(([name, amount]) => `${called(name)} ${money(amount)}`).join(", "));
  const plan = timeline(document.past, document.periods);
  const chart = partsChart({ of: quantity, title: words().partsTitle[quantity], summary, every, plan });
  return el("details", { open: true }, el("summary", {}, words().partsOf), chart);
}

function remarks({ track_record: record, missing_text: reasons }) {
  return [
    el("p", { class: "record" }, text(record.text)),
    reasons.length > 0 && more(words().notModelled(reasons.length), list(reasons.map(text))),
  ];
}
