// What earns: credits by channel, costs and returns, what segments are worth, journeys, moves between channels, retention.

import { ask } from "../api.js";
import { flowChart } from "../charts/flow.js";
import { creditsChart, dotsChart } from "../charts/intervals.js";
import { amounts, counts, intervals, shares, texts } from "../columns.js";
import { el, fill, list, more, select } from "../dom.js";
import { empty, section } from "../empty.js";
import { called, currencySign, money, number, reader, share, text, words } from "../format.js";
import { economics, moves, retention } from "./channel_tables.js";

const PREFERRED = ["shapley", "markov"];

const chosen = { method: null, segments: null };

const PARTS = {
  credits: ["/v1/attribution?method=all", credits],
  economics: ["/v1/economics", economics],
  segments: ["/v1/segments", segments],
  journeys: ["/v1/journeys", journeys],
  moves: ["/v1/channel-moves", moves],
  retention: ["/v1/economics", retention],
};

/** Show what earns; each part stands as soon as it is answered. */
export async function channels(place) {
  const parts = Object.keys(PARTS).map((name) => [name, section(words().earnings[name], el("p", { class: "waiting" }, words().loading))]);
  fill(place, parts.map(([, part]) => part)); // prettier-ignore
  await Promise.all(parts.map(([name, part]) => answered(name, part)));
}

async function answered(name, part) {
  const [path, show] = PARTS[name];
  const answer = await ask(path);
  const body = el("div", {});
  if (answer.status === 200) show(body, answer.document);
  if (!body.childNodes.length) fill(body, empty(name, answer));
  fill(part, el("h3", {}, words().earnings[name]), body);
}

function credits(place, document) {
  const methods = new Map(document.methods.map((one) => [one.method, one]));
  if (!methods.size) return;
  if (!methods.has(chosen.method)) chosen.method = [...PREFERRED, ...methods.keys()].find((name) => methods.has(name));
  const found = methods.get(chosen.method);
  const last = chosen.method === "last" ? null : (methods.get("last") ?? null);
  const options = [...methods.keys()].map((name) => [name, words().methods[name] ?? name]);
  const pick = picker("method", words().method, options, () => credits(place, document));
  const summary = `${words().credited(number(found.conversions), money(found.value))} ${words().questions[found.question] ?? ""}`.trim();
  const notes = [words().errorBars(share(found.level))];
  fill(place, pick, creditsChart({ title: words().creditsTitle, summary, chosen: found, last, notes }), besideCredits(found));
}

function besideCredits({ sentences, untouched }) {
  const said = sentences?.[reader.lang] ?? [];
  const without = untouched?.conversions > 0 && words().untouched(number(untouched.conversions), money(untouched.value));
  return [said.length > 0 && more(words().compared, list(said)), without && el("p", { class: "note" }, without)];
}

// A select of what is chosen for a part, which is then shown anew under the reader's hand.
function picker(name, label, options, show) {
  const choose = (value) => {
    chosen[name] = value;
    show();
    document.querySelector(`select[name=${name}]`)?.focus();
  };
  return el("div", { class: "bar" }, select(label, options, chosen[name], choose, { name }));
}

function segments(place, document) {
  const names = Object.keys(document.tables);
  if (!names.length) return;
  if (!names.includes(chosen.segments)) [chosen.segments] = names;
  const found = document.tables[chosen.segments];
  const options = names.map((name) => [name, text(document.tables[name].title)]);
  const said = words();
  const chart = dotsChart({
    title: said.segmentsTitle(text(found.title)),
    summary: said.segmentsSaid(number(document.horizon_days), share(document.level)),
    axis: `${said.meanClv}, ${currencySign()}`,
    format: (value) => money(value),
    notes: [text(found.note)],
    ...worth(found),
  });
  fill(place, picker("segments", said.segmentedBy, options, () => segments(place, document)), chart); // prettier-ignore
}

function worth(found) {
  const said = words();
  const rows = found.segments.map((one) => ({
    ...one,
    label: called(text(one.label)),
    value: one.mean_clv,
    low: one.mean_p10,
    high: one.mean_p90,
  }));
  const columns = [
    texts(text(found.title), (row) => row.label),
    counts(said.customers, (row) => row.customers),
    shares(said.shareTitle, (row) => row.share),
    amounts(said.meanClv, (row) => row.value),
    intervals(said.intervalTitle, (row) => row, (value) => money(value)), // prettier-ignore
    amounts(said.totalClv, (row) => row.total_clv),
  ];
  return { rows, table: { columns, rows } };
}

function journeys(place, document) {
  if (!document.links.length) return;
  const converted = share(document.conversions / document.journeys);
  const summary = words().flowSaid(number(document.journeys), number(document.conversions), converted);
  fill(place, flowChart({ title: words().flowTitle, summary, flow: document }));
}
