// How right we were: bands that held, probabilities that came true, the models that said so, and what changed since they learned.

import { ask } from "../api.js";
import { el, fill, select } from "../dom.js";
import { called, day, number, share, tableDay, text, words } from "../format.js";
import { empty, section } from "../empty.js";
import { calibrationChart, coverageChart } from "../charts/right.js";
import { rendered } from "../markdown.js";
import { table } from "../table.js";

const DAY = 86_400_000;
const KEY_METRICS = {
  roc_auc: (value) => number(value, 3), brier: (value) => number(value, 3), brier_win: (value) => number(value, 3), calibration_slope: (value) => number(value, 2), lift_at_10pct: (value) => number(value, 1),
  bias_pct: (value) => share(value / 100, { signDisplay: "exceptZero" }), mae: (value) => number(value, 2), log_loss: (value) => number(value, 3), coverage_80: (value) => share(value), median_absolute_error: (value) => words().days(number(value, 1), value),
};
const MOST_METRICS = 4;

const chosen = { answers: 0 };

/** Show the track record to whoever may read forecasts, and the models to whoever may score. */
export async function record(place, scopes) {
  const parts = { forecasts: part("forecasts"), answers: part("answers"), models: part("models"), drift: part("drift") };
  const forecasts = scopes.includes("forecast");
  const shown = [...(forecasts ? [parts.forecasts, parts.answers] : []), ...(scopes.includes("score") ? [parts.models] : []), ...(forecasts ? [parts.drift] : [])];
  fill(place, shown);
  await Promise.all([
    forecasts && ask("/v1/track-record").then((answer) => { bands(parts.forecasts, answer); answers(parts.answers, answer); }),
    scopes.includes("score") && ask("/v1/models").then((answer) => models(parts.models, answer)),
    forecasts && ask("/v1/drift").then((answer) => drift(parts.drift, answer)),
  ]);
}

const part = (name) => section(words().records[name], el("p", { class: "waiting" }, words().loading));

const put = (place, name, ...content) => fill(place, el("h3", {}, words().records[name]), ...content);

function bands(place, answer) {
  const realised = answer.status === 200 ? answer.document.forecasts.filter((one) => one.realised).map((one) => one.realised) : [];
  const judged = realised.filter((one) => one.judged > 0);
  const sentences = realised.map((one) => el("p", {}, el("strong", {}, called(one.quantity)), " ", text(one.text)));
  if (!judged.length) {
    put(place, "forecasts", sentences.length ? sentences : empty("record", answer.status === 200 ? undefined : answer));
    return;
  }
  put(place, "forecasts", sentences, coverageChart({ title: words().coverageTitle, summary: words().coverageSaid, judged }), ahead(judged), unjudged(answer.document));
}

function ahead(judged) {
  const said = words();
  const rows = judged.flatMap((one) => (one.by_lead ?? []).map((lead) => ({ ...lead, quantity: one.quantity })));
  const held = (level) => ({
    title: said.bandOf(share(level / 100)), value: (row) => row[`coverage_${level}`], numeric: true,
    show: (row) => el("span", {}, share(row[`coverage_${level}`]), el("span", { class: "range" }, row[`coverage_${level}_interval`] ? said.range(...row[`coverage_${level}_interval`].map((bound) => share(bound))) : "")),
  });
  const columns = [
    { title: said.quantity, value: (row) => called(row.quantity) }, { title: said.weeksAhead, value: (row) => row.lead, show: (row) => number(row.lead), numeric: true },
    { title: said.count, value: (row) => row.judged, show: (row) => number(row.judged), numeric: true }, held(50), held(80), held(90),
  ];
  return rows.length > 0 && table({ caption: said.heldByLead, columns, rows, limit: 20 });
}

function unjudged(document) {
  const reasons = Object.entries(document.not_judged ?? {});
  return reasons.length > 0 && el("details", {}, el("summary", {}, words().notJudged(reasons.length)), el("ul", { lang: "en" }, reasons.map(([name, reason]) => el("li", {}, words().pair(called(name), text(reason))))));
}

function answers(place, answer) {
  if (answer.status !== 200) {
    put(place, "answers", empty("record", answer));
    return;
  }
  const { realised = [], answers: given = [] } = answer.document;
  const sentences = realised.map((one) => el("p", {}, el("strong", {}, called(one.model)), " ", text(one.text)));
  const curves = given.flatMap((one) => one.realised.filter((judged) => judged.bins?.length).map((judged) => ({ ...judged, model: one.model, version: one.version })));
  const waiting = given.length > 0 && table({
    caption: words().answersGiven, columns: [
      { title: words().model, value: (row) => called(row.model) }, { title: words().version, value: (row) => row.version, show: (row) => String(row.version), numeric: true },
      { title: words().answersTitle, value: (row) => row.answers, show: (row) => number(row.answers), numeric: true }, { title: words().meanPredicted, value: (row) => row.mean_predicted, show: (row) => number(row.mean_predicted, 3), numeric: true },
    ], rows: given,
  });
  const curve = el("div", {});
  if (curves.length) calibration(curve, curves);
  put(place, "answers", sentences.length || given.length ? sentences : empty("record"), curves.length > 0 && curve, waiting);
}

function calibration(place, curves) {
  const name = (one) => words().versionOf(called(one.model), one.version, number(one.horizon_days));
  const at = Math.min(chosen.answers, curves.length - 1);
  const found = curves[at];
  const pick = curves.length > 1 && select(words().model, curves.map((one, index) => [String(index), name(one)]), String(at), (value) => {
    chosen.answers = Number(value);
    calibration(place, curves);
    place.querySelector("select").focus();
  }, { name: "calibration" });
  const counts = !("brier" in found);
  const summary = words().calibrationSaid(number(found.count), counts ? number(found.predicted, 2) : share(found.predicted), counts ? number(found.observed, 2) : share(found.observed));
  fill(place, pick && el("div", { class: "bar" }, pick), calibrationChart({ title: words().calibrationTitle(name(found)), summary, bins: found.bins, counts }));
}

function models(place, answer) {
  if (answer.status !== 200 || !answer.document.models?.length) {
    put(place, "models", empty("models", answer));
    return;
  }
  const said = words();
  const age = (model) => Math.max(0, Math.round((Date.now() - new Date(model.trained_as_of)) / DAY));
  const columns = [
    { title: said.model, value: (row) => called(row.name) }, { title: said.version, value: (row) => row.version, show: (row) => `${row.version} (${said.roles[row.role] ?? row.role})`, numeric: true },
    { title: said.trainedAsOf, value: (row) => row.trained_as_of, show: (row) => tableDay(row.trained_as_of), date: true }, { title: said.age, value: age, show: (row) => said.days(number(age(row)), age(row)), numeric: true },
    { title: said.metrics, wide: true, value: (row) => metrics(row).join(", "), show: (row) => el("ul", { class: "reasons" }, metrics(row).map((one) => el("li", {}, one))) },
  ];
  put(place, "models", table({ caption: said.records.models, hideCaption: true, columns, rows: answer.document.models }), answer.document.models.map((model) => card(model)));
}

const metrics = (model) => Object.entries(KEY_METRICS).filter(([name]) => typeof model.metrics?.[name] === "number").slice(0, MOST_METRICS).map(([name, format]) => words().pair(words().metricNames[name], format(model.metrics[name])));

// The card is asked for when it is opened.
function card(model) {
  const body = el("div", { class: "card-text", lang: "en" });
  const open = async (event) => {
    if (!event.target.open || body.childNodes.length) return;
    const answer = await ask(`/v1/models/${encodeURIComponent(model.name)}/card`);
    fill(body, answer.status === 200 ? rendered(answer.document.card) : empty("card", answer));
  };
  return el("details", { class: "model-card", ontoggle: open }, el("summary", {}, words().cardOf(called(model.name))), body);
}

function drift(place, answer) {
  const found = answer.status === 200 ? Object.entries(answer.document.drift ?? {}).flatMap(([model, columns]) => columns.map((column) => ({ ...column, model }))) : [];
  if (!found.length) {
    put(place, "drift", empty("drift", answer));
    return;
  }
  const said = words();
  const changed = found.filter((one) => one.drifted);
  const { now, then } = answer.document.compared ?? {};
  const columns = [
    { title: said.model, value: (row) => called(row.model) }, { title: said.column, value: (row) => row.name }, { title: said.driftEffect, value: (row) => row.effect, show: (row) => number(row.effect, 2), numeric: true },
    { title: said.qValue, value: (row) => row.q_value, show: (row) => (row.q_value < 0.001 ? said.under(number(0.001, 3)) : number(row.q_value, 3)), numeric: true }, { title: said.drifted, value: (row) => (row.drifted ? said.yes : said.no) },
  ];
  const rows = [...found].sort((one, other) => other.drifted - one.drifted || other.effect - one.effect);
  put(place, "drift", el("p", {}, said.driftSaid(changed.length, found.length, then ? day(then) : "", now ? day(now) : "")), table({ caption: said.records.drift, hideCaption: true, columns, rows, limit: 10 }));
}
