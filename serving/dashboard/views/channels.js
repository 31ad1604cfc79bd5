// What earns: credits, costs and returns by channel, what segments are worth, journeys, and moves between channels.

import { ask } from "../api.js";
import { el, fill, select } from "../dom.js";
import { called, currencySign, interval, money, number, reader, share, text, words } from "../format.js";
import { empty, section } from "../empty.js";
import { creditsChart, dotsChart } from "../charts/bars.js";
import { flowChart } from "../charts/flow.js";
import { table } from "../table.js";

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
export function channels(place) {
  const parts = Object.entries(PARTS).map(([name, [path, show]]) => {
    const part = section(words().earnings[name], el("p", { class: "waiting" }, words().loading));
    const done = ask(path).then((answer) => {
      const title = el("h3", {}, words().earnings[name]);
      const content = el("div", {});
      fill(part, title, content);
      if (answer.status === 200) show(content, answer.document);
      if (!content.childNodes.length) content.append(empty(name, answer));
    });
    return { part, done };
  });
  fill(place, parts.map(({ part }) => part));
  return Promise.all(parts.map(({ done }) => done));
}

function credits(place, document) {
  const methods = document.methods ?? [document];
  if (!methods.length) return;
  const names = methods.map((one) => one.method);
  if (!names.includes(chosen.method)) chosen.method = ["shapley", "markov", ...names].find((name) => names.includes(name));
  const found = methods.find((one) => one.method === chosen.method);
  const last = chosen.method === "last" ? null : methods.find((one) => one.method === "last") ?? null;
  const pick = select(words().method, names.map((name) => [name, words().methods[name] ?? name]), chosen.method, (method) => {
    chosen.method = method;
    credits(place, document);
    place.querySelector("select").focus();
  }, { name: "method" });
  const summary = [words().credited(number(found.conversions), money(found.value)), words().questions[found.question]].filter(Boolean).join(" ");
  const sentences = found.sentences?.[reader.lang] ?? [];
  fill(place, el("div", { class: "bar" }, pick),
    creditsChart({ title: words().creditsTitle, summary, chosen: found, last, notes: [words().errorBars(share(found.level ?? 0.9))] }),
    sentences.length > 0 && el("details", { class: "sentences" }, el("summary", {}, words().compared), el("ul", {}, sentences.map((sentence) => el("li", {}, sentence)))),
    found.untouched?.conversions > 0 && el("p", { class: "note" }, words().untouched(number(found.untouched.conversions), money(found.untouched.value))));
}

const ranged = (title, pick, format) => ({
  title, value: (row) => pick(row)?.value, numeric: true,
  show: (row) => (pick(row) ? el("span", {}, format(pick(row).value), el("span", { class: "range" }, interval(pick(row).low, pick(row).high, format))) : "–"),
});
const channel = () => ({ title: words().channel, value: (row) => called(row.channel) });
const count = (title, name) => ({ title, value: (row) => row[name], show: (row) => number(row[name]), numeric: true });
const times = (value) => number(value, Math.abs(value) < 10 ? 2 : 1, { minimumFractionDigits: Math.abs(value) < 10 ? 2 : 1 });

function economics(place, document) {
  const rows = (document.channels ?? []).filter((row) => row.spend > 0 || row.customers > 0);
  if (!rows.length) return;
  const said = words();
  const columns = [
    channel(), { title: said.spend, value: (row) => row.spend, show: (row) => money(row.spend), numeric: true }, count(said.customers, "customers"),
    ranged(said.cac.direct, (row) => row.cac?.direct, money), ranged(said.cac.attributed, (row) => row.cac?.attributed, money), ranged(said.cac.assisted, (row) => row.cac?.assisted, money),
    ranged(said.roas, (row) => row.roas?.attributed ?? row.roas?.direct, times), ranged(said.clvCac, (row) => row.clv_cac, times),
    { title: said.payback, value: (row) => (row.payback?.paid_back ? row.payback.months : null), show: paidBack, numeric: true },
  ];
  place.append(el("p", {}, said.economicsSaid(share(document.level ?? 0.9))), table({ caption: said.earnings.economics, hideCaption: true, columns, rows }), totalSaid(document), journeyTypes(document));
}

const paidBack = (row) => (row.payback ? (row.payback.paid_back ? number(row.payback.months) : words().notYet) : "–");

function totalSaid({ total }) {
  if (!total?.cac_blended) return "";
  return el("p", { class: "lead" }, words().blended(money(total.cac_blended.value), interval(total.cac_blended.low, total.cac_blended.high, money), total.roas_blended ? times(total.roas_blended.value) : "–"));
}

function journeyTypes(document) {
  if (!document.journey_types?.length) return "";
  const said = words();
  const columns = [
    { title: said.journeyType, value: (row) => called(row.type) }, count(said.journeysTitle, "journeys"),
    ranged(said.conversionRate, (row) => row.conversion_rate, share), ranged(said.daysToConvert, (row) => row.days_to_convert, (value) => number(value, 1)), ranged(said.valuePerJourney, (row) => row.value_per_journey, money),
  ];
  return table({ caption: said.journeyTypes, columns, rows: document.journey_types });
}

function segments(place, document) {
  const names = Object.keys(document.tables ?? {});
  if (!names.length) return;
  if (!names.includes(chosen.segments)) [chosen.segments] = names;
  const found = document.tables[chosen.segments];
  const pick = select(words().segmentedBy, names.map((name) => [name, text(document.tables[name].title)]), chosen.segments, (name) => {
    chosen.segments = name;
    segments(place, document);
    place.querySelector("select").focus();
  }, { name: "segments" });
  const rows = found.segments.map((one) => ({ ...one, label: called(text(one.label)), value: one.mean_clv, low: one.mean_p10, high: one.mean_p90 }));
  const said = words();
  const columns = [
    { title: text(found.title), value: (row) => row.label }, count(said.customers, "customers"), { title: said.shareTitle, value: (row) => row.share, show: (row) => share(row.share), numeric: true },
    { title: said.meanClv, value: (row) => row.value, show: (row) => money(row.value), numeric: true }, { title: said.intervalTitle, value: (row) => row.low, show: (row) => interval(row.low, row.high, money), numeric: true },
    { title: said.totalClv, value: (row) => row.total_clv, show: (row) => money(row.total_clv), numeric: true },
  ];
  fill(place, el("div", { class: "bar" }, pick),
    dotsChart({ title: said.segmentsTitle(text(found.title)), summary: said.segmentsSaid(number(document.horizon_days), share(document.level)), axis: `${said.meanClv}, ${currencySign()}`, rows, format: money, table: { columns, rows }, notes: [text(found.note)] }));
}

function journeys(place, document) {
  if (!document.links?.length) return;
  const rate = document.journeys ? document.conversions / document.journeys : null;
  place.append(flowChart({ title: words().flowTitle, summary: words().flowSaid(number(document.journeys), number(document.conversions), share(rate)), flow: document }));
}

function moves(place, document) {
  if (!document.table?.length) return;
  const to = (state) => ranged(called(state), (row) => row.to[state] && { ...row.to[state], value: row.to[state].share }, share);
  const from = { title: words().today, value: (row) => (row.from ? called(row.from) : words().everyone) };
  const rows = document.total ? [...document.table, document.total] : document.table;
  place.append(el("p", {}, words().movesSaid(number(document.horizon_days))), table({ caption: words().movesCaption(number(document.horizon_days)), columns: [from, count(words().customers, "contacts"), ...document.states.map(to)], rows }));
}

function retention(place, document) {
  const found = document.retention;
  const rows = (found?.channels ?? []).filter((row) => row.customers > 0);
  if (!rows.length) return;
  const after = (months) => ranged(words().stillBuying(months), (row) => row.months?.find((one) => one.month === months)?.bought, share);
  const columns = [channel(), count(words().customers, "customers"), ranged(words().churned, (row) => row.churned, share), after(1), after(3), after(6), after(12)];
  place.append(el("p", {}, words().retentionSaid(number(found.churn_days))), table({ caption: words().earnings.retention, hideCaption: true, columns, rows }));
}
