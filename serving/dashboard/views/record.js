// How right we were: bands that held, and probabilities that came true; then the models, and what changed since they learned.

import { ask } from "../api.js";
import { calibrationChart, coverageChart } from "../charts/right.js";
import { counts, ranged, texts } from "../columns.js";
import { el, fill, list, more, select } from "../dom.js";
import { empty, section } from "../empty.js";
import { called, number, share, text, words } from "../format.js";
import { table } from "../table.js";
import { drift, models } from "./models.js";

const LEVELS = [50, 80, 90];

const chosen = { curve: 0 };

const PARTS = {
  forecasts: ["forecast", "/v1/track-record", bands],
  answers: [null, "/v1/track-record", answers],
  models: [null, "/v1/models", models],
  drift: ["forecast", "/v1/drift", drift],
};

/** Show what the key's scopes allow: models and their answers every key, forecasts and what changed the scope forecast. */
export async function record(place, scopes) {
  const names = Object.keys(PARTS).filter((name) => [null, ...scopes].includes(PARTS[name][0]));
  const parts = names.map((name) => [name, section(words().records[name], el("p", { class: "waiting" }, words().loading))]);
  fill(place, parts.map(([, part]) => part)); // prettier-ignore
  await Promise.all(parts.map(([name, part]) => answered(name, part)));
}

async function answered(name, part) {
  const [, path, show] = PARTS[name];
  const answer = await ask(path);
  const content = answer.status === 200 ? show(answer.document) : null;
  fill(part, el("h3", {}, words().records[name]), content ?? empty(name, answer.status === 200 ? null : answer));
}

const sentence = (name, one) => el("p", {}, el("strong", {}, called(name)), " ", text(one.text));

function bands(document) {
  const realised = document.forecasts.map((one) => one.realised).filter(Boolean);
  if (!realised.length) return null;
  const judged = realised.filter((one) => one.judged > 0);
  const chart = judged.length > 0 && coverageChart({ title: words().coverageTitle, summary: words().coverageSaid, judged });
  return [realised.map((one) => sentence(one.quantity, one)), chart, ahead(judged), unjudged(document.not_judged)];
}

function ahead(judged) {
  const said = words();
  const rows = judged.flatMap((one) => one.by_lead.map((lead) => ({ ...lead, quantity: one.quantity })));
  const held = (level) => {
    const bounds = (row) => row[`coverage_${level}_interval`] ?? [];
    return ranged(said.bandOf(share(level / 100)), (row) => ({ value: row[`coverage_${level}`], low: bounds(row)[0], high: bounds(row)[1] }), share); // prettier-ignore
  };
  const columns = [
    texts(said.quantity, (row) => called(row.quantity)),
    counts(said.weeksAhead, (row) => row.lead),
    counts(said.count, (row) => row.judged),
    ...LEVELS.map(held),
  ];
  return rows.length > 0 && table({ caption: said.heldByLead, columns, rows, limit: 20 });
}

function unjudged(reasons = {}) {
  const lines = Object.entries(reasons).map(([name, reason]) => words().pair(called(name), text(reason)));
  return lines.length > 0 && more(words().notJudged(lines.length), list(lines, { lang: "en" }));
}

function answers(document) {
  const { realised, answers: given } = document;
  if (!realised.length && !given.length) return null;
  const curves = given.flatMap(({ model, version, realised: judged }) =>
    judged.filter((one) => one.bins?.length).map((one) => ({ ...one, model, version })),
  );
  const place = el("div", {});
  if (curves.length) calibration(place, curves);
  return [realised.map((one) => sentence(one.model, one)), place, given.length > 0 && tally(given)];
}

function tally(rows) {
  const said = words();
  const columns = [
    texts(said.model, (row) => called(row.model)),
    counts(said.version, (row) => row.version),
    counts(said.answersTitle, (row) => row.answers),
    { ...counts(said.meanPredicted, (row) => row.mean_predicted), show: (row) => number(row.mean_predicted, 3) },
  ];
  return table({ caption: said.answersGiven, columns, rows });
}

function calibration(place, curves) {
  const at = Math.min(chosen.curve, curves.length - 1);
  const { bins, count, predicted, observed, ...rest } = curves[at];
  const isCount = !("brier" in rest); // CLV expects a number of purchases; the others a yes or no
  const format = (value) => (isCount ? number(value, 2) : share(value));
  const title = words().calibrationTitle(nameOf(curves[at]));
  const summary = words().calibrationSaid(number(count), format(predicted), format(observed));
  fill(place, curves.length > 1 && picker(place, curves, at), calibrationChart({ title, summary, bins, counts: isCount }));
}

const nameOf = (curve) => words().versionOf(called(curve.model), curve.version, number(curve.horizon_days));

function picker(place, curves, at) {
  const options = curves.map((curve, index) => [String(index), nameOf(curve)]);
  const choose = (value) => {
    chosen.curve = Number(value);
    calibration(place, curves);
    place.querySelector("select").focus();
  };
  return el("div", { class: "bar" }, select(words().model, options, String(at), choose, { name: "calibration" }));
}
