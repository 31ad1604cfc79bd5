// What if: sliders whose scenario the service answers on the same draws, and what it changes in words.

import { ask } from "../api.js";
import { busy, el, fill } from "../dom.js";
import { change, interval, number, text, words } from "../format.js";
import { levers, neutral, scenarioOf, sliders } from "./scenario.js";

const MOVED = ["pipeline", "cash"];
const PATIENCE = 250;

const values = neutral();

/**
 * Show the sliders that this company's forecasts can answer.
 * @param {HTMLElement} place
 * @param {object} plan the answers without a scenario, by quantity
 * @param {{request: object, show: Function}} given `show(quantity, document)` draws a scenario beside the plan
 */
export async function whatIf(place, plan, { request, show }) {
  const offered = levers(plan);
  place.hidden = offered.length === 0;
  if (place.hidden) return;
  const moved = MOVED.filter((quantity) => plan[quantity].status === 200);
  const said = el("div", { class: "difference", role: "status" });
  let asked = 0;
  const answer = async () => {
    const mine = ++asked;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    if (mine !== asked) return; // the slider went on
    const answers = await Promise.all(moved.map((quantity) => inScenario(quantity, request)));
    if (mine !== asked || !place.isConnected) return; // a later position is being answered
    for (const { quantity, document } of answers) show(quantity, document);
    fill(said, answers.map(differenceSaid));
  };
  const form = sliders(offered, values, () => busy(answer()));
  fill(place, el("h3", {}, words().whatIf), el("p", {}, words().whatIfSaid), form, said);
  if (Object.keys(scenarioOf(values)).length) await answer();
}

async function inScenario(quantity, { past: _, ...request }) {
  const scenario = scenarioOf(values, quantity);
  if (!Object.keys(scenario).length) return { quantity };
  const { status, document } = await ask(`/v1/forecast/${quantity}`, { ...request, scenario });
  return status === 200 ? { quantity, document } : { quantity, refused: document.detail ?? words().emptyOther };
}

function differenceSaid({ quantity, document, refused }) {
  const said = refused ? text(refused) : document ? inWords(document.difference) : words().unchanged;
  return el("p", { "data-difference": document && quantity }, el("strong", {}, words().quantities[quantity]), " ", said);
}

function inWords({ total, shortfall }) {
  const sums = words().differs(change(total.mean), interval(total.p10, total.p90, change));
  if (!shortfall) return sums;
  return `${sums} ${words().riskDiffers(points(shortfall.probability), points(shortfall.probability_below_floor))}`;
}

const points = (chance) => words().points(number(100 * chance, 2, { signDisplay: "exceptZero" }), 100 * chance);
