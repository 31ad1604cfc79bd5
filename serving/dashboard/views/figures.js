// The figures at the top: each with its interval, trend and target, and a link to the view that explains it.

import { ask } from "../api.js";
import { el, fill, list } from "../dom.js";
import { figure, interval, number, share, text, words } from "../format.js";
import { empty } from "../empty.js";

/** Show the figures of the company. */
export async function figures(place) {
  const answer = await ask("/v1/overview");
  if (answer.status !== 200) {
    fill(place, empty("figures", answer));
    return;
  }
  const { figures: known, missing } = answer.document;
  const cards = known.length > 0 ? list(known.map(card), { class: "cards" }) : empty("figures");
  fill(place, cards, about(known, missing));
  performance.mark("figures-shown");
}

function card(one) {
  const [unit, per] = one.unit.split("/");
  const format = (value) => figure(value, unit);
  const range = interval(one.low, one.high, format);
  return el(
    "a",
    { class: `card ${one.name}`, href: `#/${one.view}`, "data-figure": one.name },
    el("span", { class: "title" }, text(one.title)),
    el(
      "span",
      { class: "value", "data-value": one.value },
      format(one.value),
      per && [" ", el("span", { class: "per" }, words().per(per))],
    ),
    range && el("span", { class: "range", "data-interval": one.level }, words().pair(share(one.level), range)),
    trend(one, format),
    target(one, format),
  );
}

function trend(one, format) {
  if (!one.trend || typeof one.trend.change !== "number") return null;
  const { change } = one.trend;
  const signed = { signDisplay: "exceptZero" };
  const points = () => words().points(number(100 * change, 1, signed), 100 * change);
  const said = one.unit === "share" ? points() : share(change, signed);
  const good = change === 0 ? "" : change > 0 === (one.better === "higher") ? "good" : "bad";
  const arrow = change > 0 ? "▲" : change < 0 ? "▼" : "▬";
  return [
    el("span", { class: `trend ${good}` }, el("span", { "aria-hidden": "true" }, `${arrow} `), said),
    el("span", { class: "than" }, words().pair(text(one.trend.than), format(one.trend.value))),
  ];
}

function target(one, format) {
  if (typeof one.target !== "number") return null;
  const likely = typeof one.on_target === "number" ? words().onTarget(share(one.on_target)) : "";
  return el("span", { class: "target" }, words().target(format(one.target)), likely && ` · ${likely}`);
}

function about(known, missing) {
  const compared = (one) => one.trend && words().comparedWith(text(one.trend.than));
  const entry = (one, said) => [el("dt", {}, text(one.title)), el("dd", {}, said)];
  const lines = known.map((one) => entry(one, [text(one.explanation), compared(one)].filter(Boolean).join(" ")));
  const gaps = missing.map((one) => entry(one, `${words().missing} ${text(one.reason)}`));
  return el("details", { class: "about" }, el("summary", {}, words().aboutFigures(missing.length)), el("dl", {}, lines, gaps));
}
