// The models in service with their cards, and what changed in what they are told.

import { ask } from "../api.js";
import { counts, days, sentences, texts } from "../columns.js";
import { el, fill } from "../dom.js";
import { empty } from "../empty.js";
import { called, day, daysBetween, number, share, words } from "../format.js";
import { rendered } from "../markdown.js";
import { table } from "../table.js";

const SMALLEST_Q = 0.001;
const MOST_METRICS = 4;
const METRICS = {
  roc_auc: (value) => number(value, 3),
  brier: (value) => number(value, 3),
  brier_win: (value) => number(value, 3),
  calibration_slope: (value) => number(value, 2),
  lift_at_10pct: (value) => number(value, 1),
  bias_pct: (value) => share(value / 100, { signDisplay: "exceptZero" }),
  mae: (value) => number(value, 2),
  log_loss: (value) => number(value, 3),
  coverage_80: (value) => share(value),
  median_absolute_error: (value) => words().days(number(value, 1), value),
};

/** Give the table of the models in service, and their cards. */
export function models({ models: rows, as_of: asOf }) {
  if (!rows.length) return null;
  const said = words();
  const age = (row) => daysBetween(row.trained_as_of, asOf);
  const columns = [
    texts(said.model, (row) => called(row.name)),
    { ...counts(said.version, (row) => row.version), show: (row) => `${row.version} (${said.roles[row.role] ?? row.role})` },
    days(said.trainedAsOf, (row) => row.trained_as_of),
    { ...counts(said.age, age), show: (row) => said.days(number(age(row)), age(row)) },
    sentences(said.metrics, metrics),
  ];
  return [table({ caption: said.records.models, hideCaption: true, columns, rows, stacked: true }), rows.map(card)];
}

const metrics = (model) =>
  Object.entries(METRICS)
    .filter(([name]) => typeof model.metrics[name] === "number")
    .slice(0, MOST_METRICS)
    .map(([name, format]) => words().pair(words().metricNames[name], format(model.metrics[name])));

// The card is asked for when it is opened.
function card({ name }) {
  const body = el("div", { class: "card-text", lang: "en" });
  const open = async (event) => {
    if (!event.target.open || body.childNodes.length) return;
    const answer = await ask(`/v1/models/${encodeURIComponent(name)}/card`);
    fill(body, answer.status === 200 ? rendered(answer.document.card) : empty("card", answer));
  };
  return el("details", { class: "model-card", ontoggle: open }, el("summary", {}, words().cardOf(called(name))), body);
}

/** Give what changed between two dates, by model and column, the largest changes first. */
export function drift(document) {
  const found = Object.entries(document.drift).flatMap(([model, columns]) => columns.map((column) => ({ ...column, model })));
  if (!found.length) return null;
  const said = words();
  const rows = found.toSorted((one, other) => other.drifted - one.drifted || other.effect - one.effect);
  const changed = rows.filter((row) => row.drifted).length;
  const columns = [
    texts(said.model, (row) => called(row.model)),
    texts(said.column, (row) => row.name),
    { ...counts(said.driftEffect, (row) => row.effect), show: (row) => number(row.effect, 2) },
    { ...counts(said.qValue, (row) => row.q_value), show: (row) => certainty(row.q_value) },
    texts(said.drifted, (row) => (row.drifted ? said.yes : said.no)),
  ];
  const { now, then } = document.compared;
  const explained = el("p", {}, said.driftSaid(changed, rows.length, day(then), day(now)));
  return [explained, table({ caption: said.records.drift, hideCaption: true, columns, rows, limit: 10 })];
}

const certainty = (value) => (value === null ? "–" : value < SMALLEST_Q ? words().under(number(SMALLEST_Q, 3)) : number(value, 3));
