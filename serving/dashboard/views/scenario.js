// The scenario's sliders: what can be changed, by how much, and for which quantities it matters.

import { el } from "../dom.js";
import { number, share, words } from "../format.js";

const LEVERS = {
  win_rate: { min: 0.5, max: 1.5, step: 0.05, start: 1, moves: ["pipeline", "cash"] },
  new_deals: { min: 0.5, max: 1.5, step: 0.05, start: 1, moves: ["pipeline", "cash"] },
  payment_delay_days: { min: -15, max: 45, step: 1, start: 0, moves: ["cash"] },
  spend: { min: 0, max: 2, step: 0.1, start: 1, moves: ["pipeline", "cash"] },
};

/** Give a scenario that changes nothing. */
export const neutral = () => Object.fromEntries(Object.entries(LEVERS).map(([name, { start }]) => [name, start]));

/** Give the changes as the service takes them, for one quantity or for all. */
export function scenarioOf(values, quantity) {
  const changed = Object.entries(values).filter(
    ([name, value]) => value !== LEVERS[name].start && (!quantity || LEVERS[name].moves.includes(quantity)),
  );
  return Object.fromEntries(changed.map(([name, value]) => [name, name === "payment_delay_days" ? value : { "*": value }]));
}

/** Name the levers that move something in this company: deals need a pipeline, delays need invoices, spend a response to it that was measured. */
export function levers(plan) {
  const documents = Object.fromEntries(
    Object.entries(plan).map(([quantity, answer]) => [quantity, answer.status === 200 ? answer.document : null]),
  );
  const dealt = Boolean(documents.pipeline);
  const invoiced =
    documents.cash && ["receivables", "new_invoices", "open_deals", "new_deals"].some((part) => documents.cash.total.parts?.[part]);
  const offered = {
    win_rate: dealt,
    new_deals: dealt,
    payment_delay_days: Boolean(invoiced),
    spend: Boolean(documents.pipeline?.spend?.channels?.length),
  };
  return Object.keys(LEVERS).filter((name) => offered[name]);
}

/** Make the sliders; `moved` is called when a value changes. */
export function sliders(names, values, moved) {
  const rows = names.map((name) => slider(name, values, moved));
  const reset = () => {
    for (const row of rows) row.reset();
    moved();
  };
  return el(
    "form",
    { class: "sliders", onsubmit: (event) => event.preventDefault() },
    rows.map((row) => row.element),
    el("button", { type: "button", class: "reset", onclick: reset }, words().reset),
  );
}

function slider(name, values, moved) {
  const { min, max, step, start } = LEVERS[name];
  const shown = el("output", { for: `lever-${name}` });
  const input = el("input", {
    type: "range",
    id: `lever-${name}`,
    name,
    min,
    max,
    step,
    value: values[name],
    oninput: () => set(Number(input.value), true),
  });
  const set = (value, tell) => {
    values[name] = value;
    input.value = value;
    shown.textContent = said(name, value);
    input.setAttribute("aria-valuetext", shown.textContent);
    if (tell) moved();
  };
  set(values[name], false);
  const element = el("div", { class: "slider" }, el("label", { for: `lever-${name}` }, words().levers[name]), shown, input);
  return { element, reset: () => set(start, false) };
}

function said(name, value) {
  if (name === "payment_delay_days") return words().days(number(value, 0, { signDisplay: "exceptZero" }), value);
  return value === 1 ? words().asPlanned : share(value - 1, { signDisplay: "exceptZero" });
}
