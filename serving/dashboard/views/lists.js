// What each list of people, invoices and deals shows.

import { amounts, counts, days, ranged, sentences, shares, texts } from "../columns.js";
import { called, number, share, text, words } from "../format.js";

/** What lists can be narrowed by. */
export const FILTERS = ["channel", "owner", "segment"];

/** By list: the scope that it needs, and the name of its rows' id. */
export const LISTS = {
  churn: { scope: "score", id: "contact_id", columns: churn },
  leads: { scope: "score", id: "contact_id", columns: leads },
  invoices: { scope: "forecast", id: "invoice_id", columns: invoices },
  deals: { scope: "forecast", id: "deal_id", columns: deals },
};

/** Give the columns of a list; one that this company's facts leave empty isn't shown. */
export const columnsOf = (list, rows) =>
  LISTS[list].columns(words()).filter(({ value }) => rows.some((row) => ![null, undefined, ""].includes(value(row))));

function churn(said) {
  return [
    contact(said),
    amounts(said.expectedLoss, (row) => row.expected_loss),
    likely(said.leaves),
    texts(said.grade, (row) => row.grade),
    reasons(said),
    ...belonging(said),
    amounts(said.gain, (row) => row.gain),
  ];
}

function leads(said) {
  return [
    contact(said),
    texts(said.grade, (row) => row.grade),
    likely(said.buys),
    amounts(said.expectedValue, (row) => row.expected_value),
    reasons(said),
    ...belonging(said),
    amounts(said.gain, (row) => row.gain),
  ];
}

function invoices(said) {
  return [
    texts(said.invoice, (row) => row.invoice_id),
    contact(said),
    amounts(said.amount, (row) => row.amount),
    days(said.dueAt, (row) => row.due_at),
    counts(said.daysLate, (row) => row.days_late),
    days(said.expectedPaid, (row) => row.expected_paid_at),
    shares(said.neverPaid, (row) => row.p_never),
    ...effects(said),
    ...belonging(said),
  ];
}

function deals(said) {
  return [
    texts(said.deal, (row) => row.deal_id),
    contact(said),
    amounts(said.amount, (row) => row.amount),
    texts(said.stage, (row) => row.stage),
    shares(said.wins, (row) => row.probability),
    ...effects(said),
    ...belonging(said),
  ];
}

const contact = (said) => texts(said.contact, (row) => row.contact_id);

const belonging = (said) => FILTERS.map((name) => texts(said.filters[name], (row) => row[name] && called(row[name])));

const likely = (title) => ranged(title, (row) => ({ value: row.probability, low: row.low, high: row.high }), share); // prettier-ignore

const reasons = (said) => sentences(said.reasons, (row) => (row.reasons ?? []).map((reason) => text(reason.text)));

const effects = (said) => [lowers(said.lowersZero, "effect"), lowers(said.lowersFloor, "effect_below_floor")];

const lowers = (title, name) => ({
  title,
  value: (row) => row[name],
  show: (row) => words().points(number(100 * row[name], 2), 100 * row[name]),
  numeric: true,
});
