// What is coming: sales, pipeline and cash as fans over their past, and what would change under a scenario.

import { ask } from "../api.js";
import { busy, choice, el, fill } from "../dom.js";
import { called, day, interval, money, number, share, text, words } from "../format.js";
import { empty, section } from "../empty.js";
import { partsChart } from "../charts/bars.js";
import { balanceChart, fanChart } from "../charts/fan.js";
import { timeline } from "../timeline.js";
import { levers, neutral, scenarioOf, sliders } from "./scenario.js";

const QUANTITIES = ["sales", "pipeline", "cash"];
const MOVED = ["pipeline", "cash"];
const REQUESTS = { week: { weeks: 13, past: 26 }, month: { every: "month", periods: 6, past: 12 } };
const PATIENCE = 250;

const chosen = { every: "week", scenario: neutral() };

/** Show the forecasts, each as soon as it is answered; says whether there is any. */
export async function forecast(place) {
  const plan = {};
  const parts = Object.fromEntries(QUANTITIES.map((quantity) => [quantity, section(words().quantities[quantity], waiting())]));
  const scenario = el("section", { class: "scenario", hidden: true });
  const ask_ = (quantity) => ask(`/v1/forecast/${quantity}`, REQUESTS[chosen.every]).then((answer) => {
    plan[quantity] = answer;
    show(parts[quantity], quantity, answer);
    return answer;
  });
  const every = choice("every", words().periodChoice, [["week", words().weeks], ["month", words().months]], chosen.every, (value) => {
    chosen.every = value;
    busy(forecast(place)).then(() => place.querySelector(`[data-every=${value}]`)?.focus());
  });
  fill(place, el("div", { class: "bar" }, every), parts.sales, scenario, parts.pipeline, parts.cash);
  await Promise.all(QUANTITIES.map(ask_));
  await whatIf(scenario, parts, plan);
  return QUANTITIES.some((quantity) => plan[quantity].status === 200);
}

const waiting = () => el("p", { class: "waiting" }, words().loading);

function show(place, quantity, answer, beside) {
  const title = el("h3", {}, words().quantities[quantity]);
  if (answer.status !== 200) {
    fill(place, title, empty(quantity, answer));
    return;
  }
  const given = { quantity, document: answer.document, beside, every: chosen.every };
  const open = [...place.querySelectorAll("details")].map((one) => one.open);
  fill(place, title, fan(given), quantity === "cash" && balance(given), stacked(given), remarks(given));
  const details = place.querySelectorAll("details");
  if (open.length === details.length) details.forEach((one, index) => { one.open = open[index]; }); // a scenario doesn't close what the reader opened
}

const lineOf = ({ document }, other = document) => timeline(document.past ?? [], other.periods);

function fan(given) {
  const { quantity, document, beside, every } = given;
  return fanChart({
    title: words().fanTitle[quantity], summary: [totalSaid(document), beside && words().scenarioTotal(...middleOf(beside))].filter(Boolean).join(" "), quantity, every, asOf: document.as_of, plan: lineOf(given),
    scenario: beside && lineOf(given, beside), notes: begunSaid(lineOf(given), every),
  });
}

function totalSaid({ periods, total }) {
  const until = new Date(+new Date(`${periods.at(-1).end.slice(0, 10)}T00:00:00Z`) - 86_400_000).toISOString();
  return words().total(day(periods[0].start), day(until), ...middleOf({ total }));
}

const middleOf = ({ total }) => [total.mean, total.p50, total.p10, total.p90].map((amount) => money(amount));

function begunSaid({ begun, leftOut }, every) {
  if (begun) return [words().begun[every](day(begun.start), money(begun.known))];
  return leftOut ? [words().leftOut[every](day(leftOut.start), money(leftOut.p50))] : [];
}

function stacked(given) {
  const line = lineOf(given);
  const names = Object.keys(given.document.total.parts ?? {});
  if (names.length < 2) return "";
  const total = Object.entries(given.document.total.parts).filter(([, amount]) => amount).sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const said = words().parts(total.map(([name, amount]) => `${called(name)} ${money(amount)}`).join(", "));
  return el("details", { class: "parts", open: true }, el("summary", {}, words().partsOf),
    partsChart({ quantity: given.quantity, title: words().partsTitle[given.quantity], summary: said, every: given.every, asOf: given.document.as_of, plan: line }));
}

function balance({ document, beside }) {
  if (!document.balance?.length) return "";
  const { shortfall } = document;
  const floor = shortfall?.floor || null; // a floor of zero is the zero line
  return balanceChart({
    title: words().balanceTitle, summary: shortfallSaid(shortfall, floor), asOf: document.as_of, floor,
    opening: document.balance[0].mean - document.periods[0].mean, plan: document.balance, scenario: beside?.balance,
  });
}

function shortfallSaid(shortfall, floor) {
  if (!shortfall) return "";
  const below = shortfall.probability_below_floor;
  return [
    words().shortfall(share(shortfall.probability)),
    floor !== null && words().shortfallFloor(share(below), money(floor)),
    shortfall.probability > 0 && shortfall.first_week_p50 && words().firstWeek(day(shortfall.first_week_p50)),
  ].filter(Boolean).join(" ");
}

function remarks({ document }) {
  const reasons = document.missing_text ?? [];
  return [
    document.track_record && el("p", { class: "record" }, text(document.track_record.text)),
    reasons.length > 0 && el("details", { class: "gaps" }, el("summary", {}, words().notModelled(reasons.length)), el("ul", {}, reasons.map((reason) => el("li", {}, text(reason))))),
  ].filter(Boolean);
}

// The sliders: those that this company's forecasts can answer, and what they change.
function whatIf(place, parts, plan) {
  const offered = levers(plan);
  place.hidden = offered.length === 0;
  if (place.hidden) return undefined;
  const said = el("div", { class: "difference", role: "status" });
  let asked = 0;
  const answer = async () => {
    const mine = ++asked;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    if (mine !== asked) return; // the slider went on
    const answers = await Promise.all(MOVED.filter((quantity) => plan[quantity]?.status === 200).map((quantity) => differing(quantity)));
    if (mine !== asked || !place.isConnected) return; // a later position of the sliders is being answered
    for (const { quantity, answer: found } of answers) show(parts[quantity], quantity, plan[quantity], found?.status === 200 ? found.document : undefined);
    fill(said, answers.map(differenceSaid));
  };
  const moved = () => busy(answer());
  fill(place, el("h3", {}, words().whatIf), el("p", {}, words().whatIfSaid), sliders(offered, chosen.scenario, moved), said);
  return Object.keys(scenarioOf(chosen.scenario)).length ? answer() : undefined;
}

async function differing(quantity) {
  const scenario = scenarioOf(chosen.scenario, quantity);
  if (!Object.keys(scenario).length) return { quantity };
  const { past, ...request } = REQUESTS[chosen.every];
  return { quantity, answer: await ask(`/v1/forecast/${quantity}`, { ...request, scenario }) };
}

const points = (chance) => words().points(number(100 * chance, 2, { signDisplay: "exceptZero" }), 100 * chance);

function differenceSaid({ quantity, answer }) {
  const name = words().quantities[quantity];
  if (!answer) return el("p", {}, el("strong", {}, name), " ", words().unchanged);
  if (answer.status !== 200) return el("p", {}, el("strong", {}, name), " ", answer.document.detail ?? words().emptyOther);
  const { total, shortfall } = answer.document.difference;
  const sums = words().differs(money(total.mean, { signDisplay: "exceptZero" }), interval(total.p10, total.p90, (value) => money(value, { signDisplay: "exceptZero" })));
  const risk = shortfall && words().riskDiffers(points(shortfall.probability), typeof shortfall.probability_below_floor === "number" ? points(shortfall.probability_below_floor) : "");
  return el("p", { "data-difference": quantity }, el("strong", {}, name), " ", sums, risk && ` ${risk}`);
}
