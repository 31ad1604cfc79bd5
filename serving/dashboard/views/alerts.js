// What deserves attention now, the worst first, each with what it means in money and what to do.

import { ask } from "../api.js";
import { el, fill } from "../dom.js";
import { change, text, words } from "../format.js";
import { empty } from "../empty.js";
import { inline } from "../markdown.js";

const ORDER = ["error", "warning"];

/** Ask for the alerts, the worst first; null where there is no answer. */
export async function worstFirst() {
  const answer = await ask("/v1/alerts");
  if (answer.status !== 200) return { answer, alerts: null };
  const rank = (alert) => (ORDER.includes(alert.severity) ? ORDER.indexOf(alert.severity) : ORDER.length);
  const size = (alert) => Math.abs(alert.effect ?? 0);
  return { answer, alerts: [...answer.document.alerts].sort((one, other) => rank(one) - rank(other) || size(other) - size(one)) };
}

/** Show the alerts. */
export async function alerts(place) {
  const { answer, alerts: found } = await worstFirst();
  if (!found) {
    fill(place, el("section", {}, empty("alerts", answer)));
    return;
  }
  const budget = text(answer.document.budget?.text);
  fill(
    place,
    el(
      "section",
      {},
      el("p", { class: "lead" }, words().alertCount(found.length)),
      budget && el("p", {}, budget),
      found.length > 0 && el("ul", { class: "alerts" }, found.map(card)),
    ),
  );
}

function card(alert) {
  const said = words();
  return el(
    "li",
    { class: `alert ${alert.severity}` },
    el(
      "p",
      { class: "kind" },
      el("strong", {}, said.severities[alert.severity] ?? alert.severity),
      ` · ${said.kinds[alert.kind] ?? alert.kind}`,
      typeof alert.effect === "number" && el("span", { class: "amount" }, change(alert.effect)),
    ),
    el("p", {}, inline(text(alert.text))),
    el(
      "dl",
      {},
      el("dt", {}, said.effect),
      el("dd", {}, text(alert.effect_text) || (typeof alert.effect === "number" ? change(alert.effect) : said.effectUnknown)),
      text(alert.action) && [el("dt", {}, said.action), el("dd", {}, inline(text(alert.action)))],
    ),
  );
}
