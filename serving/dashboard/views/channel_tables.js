// What earns, as tables: costs and returns, types of journey, moves between channels, retention.

import { amounts, counts, ranged, texts } from "../columns.js";
import { el, fill } from "../dom.js";
import { called, interval, money, number, share, words } from "../format.js";
import { table } from "../table.js";

const MONTHS = [1, 3, 6, 12];

const channel = () => texts(words().channel, (row) => called(row.channel));
const customers = (name) => counts(words().customers, (row) => row[name]);
const euros = (value) => money(value);
const decimals = (value) => number(value, 1);
const ratio = (value) => {
  const digits = Math.abs(value) < 10 ? 2 : 1;
  return number(value, digits, { minimumFractionDigits: digits });
};

/** Show what each channel costs and brings back. */
export function economics(place, document) {
  const rows = document.channels.filter((row) => row.spend > 0 || row.customers > 0);
  if (!rows.length) return;
  const said = words();
  const columns = [
    channel(),
    amounts(said.spend, (row) => row.spend),
    customers("customers"),
    ...["direct", "attributed", "assisted"].map((kind) => ranged(said.cac[kind], (row) => row.cac?.[kind], euros)),
    ranged(said.roas, (row) => row.roas?.attributed ?? row.roas?.direct, ratio),
    ranged(said.clvCac, (row) => row.clv_cac, ratio),
    { ...counts(said.payback, (row) => (row.payback?.paid_back ? row.payback.months : null)), show: paidBack },
  ];
  fill(
    place,
    el("p", {}, said.economicsSaid(share(document.level))),
    table({ caption: said.earnings.economics, hideCaption: true, columns, rows }),
    overAll(document.total),
    journeyTypes(document.journey_types ?? []),
  );
}

function paidBack({ payback }) {
  if (!payback) return "–";
  return payback.paid_back ? number(payback.months) : words().notYet;
}

function overAll(total) {
  if (!total?.cac_blended) return null;
  const { value, low, high } = total.cac_blended;
  const back = total.roas_blended ? ratio(total.roas_blended.value) : "–";
  return el("p", { class: "lead" }, words().blended(money(value), interval(low, high, euros), back));
}

function journeyTypes(rows) {
  if (!rows.length) return null;
  const said = words();
  const columns = [
    texts(said.journeyType, (row) => called(row.type)),
    counts(said.journeysTitle, (row) => row.journeys),
    ranged(said.conversionRate, (row) => row.conversion_rate, share),
    ranged(said.daysToConvert, (row) => row.days_to_convert, decimals),
    ranged(said.valuePerJourney, (row) => row.value_per_journey, euros),
  ];
  return table({ caption: said.journeyTypes, columns, rows });
}

/** Show where customers will buy, by where they buy today. */
export function moves(place, document) {
  if (!document.table.length) return;
  const said = words();
  const to = (state) => ranged(called(state), (row) => row.to[state] && { ...row.to[state], value: row.to[state].share }, share); // prettier-ignore
  const from = texts(said.today, (row) => (row.from ? called(row.from) : said.everyone));
  const within = number(document.horizon_days);
  const columns = [from, customers("contacts"), ...document.states.map(to)];
  const rows = [...document.table, document.total].filter(Boolean);
  fill(place, el("p", {}, said.movesSaid(within)), table({ caption: said.movesCaption(within), columns, rows }));
}

/** Show who fell silent and who bought again, by the channel that brought them. */
export function retention(place, document) {
  const rows = (document.retention?.channels ?? []).filter((row) => row.customers > 0);
  if (!rows.length) return;
  const said = words();
  const boughtIn = (row, month) => row.months?.find((one) => one.month === month)?.bought;
  const columns = [
    channel(),
    customers("customers"),
    ranged(said.churned, (row) => row.churned, share),
    ...MONTHS.map((month) => ranged(said.stillBuying(month), (row) => boughtIn(row, month), share)),
  ];
  const explained = el("p", {}, said.retentionSaid(number(document.retention.churn_days)));
  fill(place, explained, table({ caption: said.earnings.retention, hideCaption: true, columns, rows }));
}
