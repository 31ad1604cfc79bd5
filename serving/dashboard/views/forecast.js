// What is coming: sales, pipeline and cash as fans over their past, and what would change under a scenario.

import { ask } from "../api.js";
import { busy, choice, el, fill } from "../dom.js";
import { empty, section } from "../empty.js";
import { words } from "../format.js";
import { content } from "./quantity.js";
import { whatIf } from "./what_if.js";

const QUANTITIES = ["sales", "pipeline", "cash"];
const REQUESTS = { week: { weeks: 13, past: 26 }, month: { every: "month", periods: 6, past: 12 } };

const chosen = { every: "week" };

/** Show the forecasts, each as soon as it is answered; says whether there is any. */
export async function forecast(place) {
  const waiting = () => el("p", { class: "waiting" }, words().loading);
  const parts = Object.fromEntries(QUANTITIES.map((quantity) => [quantity, section(words().quantities[quantity], waiting())]));
  const scenario = el("section", { class: "scenario", hidden: true });
  fill(place, el("div", { class: "bar" }, everyChoice(place)), parts.sales, scenario, parts.pipeline, parts.cash);
  const answers = await Promise.all(QUANTITIES.map((quantity) => answered(quantity, parts[quantity])));
  const plan = Object.fromEntries(answers);
  await whatIf(scenario, plan, {
    request: REQUESTS[chosen.every],
    show: (quantity, beside) => show(parts[quantity], quantity, plan[quantity], beside),
  });
  return answers.some(([, answer]) => answer.status === 200);
}

function everyChoice(place) {
  const options = [
    ["week", words().weeks],
    ["month", words().months],
  ];
  const pick = async (every) => {
    chosen.every = every;
    await busy(forecast(place));
    place.querySelector(`[data-every=${every}]`)?.focus();
  };
  return choice("every", words().periodChoice, options, chosen.every, pick);
}

async function answered(quantity, part) {
  const answer = await ask(`/v1/forecast/${quantity}`, REQUESTS[chosen.every]);
  show(part, quantity, answer);
  return [quantity, answer];
}

function show(part, quantity, answer, beside) {
  const title = el("h3", {}, words().quantities[quantity]);
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  const found = { quantity, document: answer.document, beside, every: chosen.every };
  fill(part, title, answer.status === 200 ? content(found) : empty(quantity, answer));
  reopen(part, open);
}

// A scenario doesn't close what the reader opened.
function reopen(part, open) {
  const details = [...part.querySelectorAll("details")];
  if (details.length !== open.length) return;
  for (const [index, one] of details.entries()) one.open = open[index];
}
