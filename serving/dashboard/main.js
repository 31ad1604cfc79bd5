// The page: language, key, scopes, and the view that the address names.

import { ask, hasKey, listen, offer, useKey } from "./api.js";
import { busy, el, notice } from "./dom.js";
import { loadAfter } from "./charts/library.js";
import { day, daysBetween, number, reader, words } from "./format.js";
import { alerts, worstFirst } from "./views/alerts.js";
import { figures } from "./views/figures.js";
import { forecast } from "./views/forecast.js";

// Those that the page doesn't begin with come when they are asked for.
const VIEWS = {
  forecast: { scopes: ["forecast"], show: forecast },
  people: { scopes: ["score", "forecast"], show: async (...given) => (await import("./views/people.js")).people(...given) },
  channels: { scopes: ["forecast"], show: async (...given) => (await import("./views/channels.js")).channels(...given) },
  record: { scopes: ["score", "forecast"], show: async (...given) => (await import("./views/record.js")).record(...given) },
  alerts: { scopes: ["score", "forecast"], show: alerts },
};
const LANGUAGE = "lang";
const OLD_DAYS = 35;

const at = (id) => document.getElementById(id);
const visit = { access: null, alerts: null };

const may = (scope) => visit.access.scopes.includes(scope);
const allowed = () => Object.keys(VIEWS).filter((view) => VIEWS[view].scopes.some(may));
const wanted = () => {
  const named = location.hash.replace(/^#\/?/, "");
  return allowed().includes(named) ? named : allowed()[0];
};

/** Ask who we are to the service, and show what we may see. */
async function open() {
  const answer = await ask("/v1/access");
  if (answer.status !== 200) {
    if (answer.status !== 401) notice(answer.document.detail ?? words().emptyOther);
    return;
  }
  notice("");
  visit.access = answer.document;
  offer(visit.access);
  reader.currency = visit.access.currency;
  at("key-form").hidden = true;
  at("known").hidden = false;
  show();
}

/** Show the whole page anew, in the language in force. */
function show() {
  label();
  if (!visit.access) return;
  at("figures").hidden = !may("forecast");
  if (may("forecast")) loadAfter(busy(figures(at("cards"))));
  busy(countAlerts());
  view();
}

async function countAlerts() {
  const { alerts: found } = await worstFirst();
  if (!visit.access) return; // the key was refused meanwhile
  visit.alerts = found?.filter((alert) => alert.severity !== "note").length ?? null;
  tabs();
}

async function view() {
  const name = wanted();
  tabs();
  const main = at("view");
  document.title = `${words().views[name]} · ${visit.access.company} · funnelcast`;
  if (main.dataset.view !== name) main.replaceChildren();
  main.dataset.view = name;
  // a view that is left while it is being asked for fills a place that is no longer in the page
  const place = el("div", {});
  main.replaceChildren(el("h2", {}, words().views[name]), place);
  const something = await busy(VIEWS[name].show(place, visit.access.scopes));
  if (something === false && !location.hash) location.replace("#/people"); // a company without forecasts isn't greeted by what it lacks
}

function tabs() {
  const name = wanted();
  const links = allowed().map((one) => {
    const count =
      one === "alerts" &&
      visit.alerts > 0 &&
      el("span", { class: "count", "aria-label": words().alertCount(visit.alerts) }, String(visit.alerts));
    return el("li", {}, el("a", { href: `#/${one}`, "aria-current": one === name ? "page" : null }, words().views[one], count));
  });
  const focused = document.activeElement?.getAttribute("href");
  at("tabs").replaceChildren(el("ul", {}, links));
  if (focused) at("tabs").querySelector(`[href="${focused}"]`)?.focus(); // drawn anew under the reader's finger
}

function label() {
  const said = words();
  document.documentElement.lang = reader.lang;
  for (const button of document.querySelectorAll("[data-lang]"))
    button.setAttribute("aria-pressed", String(button.dataset.lang === reader.lang));
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = said[place.dataset.text];
  for (const place of document.querySelectorAll("[data-label]")) place.setAttribute("aria-label", said[place.dataset.label]);
  at("company").textContent = visit.access?.company ?? "funnelcast";
  at("as-of").textContent = visit.access?.as_of ? dated(visit.access.as_of) : "";
  at("forget").hidden = !hasKey();
}

// Facts that a monthly refresh would have renewed are said to be old.
function dated(asOf) {
  const age = daysBetween(asOf, new Date().toISOString());
  const said = words().asOf(day(asOf));
  return age > OLD_DAYS ? `${said} · ${words().old(number(age))}` : said;
}

/** Ask for a key, and say why where one was refused. */
function refused(had) {
  useKey(null);
  visit.access = null;
  at("known").hidden = true;
  at("view").replaceChildren();
  at("key-refused").textContent = had ? words().refused : "";
  at("key-form").hidden = false;
  at("key").value = "";
  at("key").focus();
  label();
}

listen({ refused, waiting: (why, seconds) => notice(why && words().waiting[why](seconds)) });

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key").value.trim());
  busy(open());
});
at("forget").addEventListener("click", () => refused(false));
for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    reader.lang = button.dataset.lang;
    localStorage.setItem(LANGUAGE, reader.lang);
    show();
  });
}
window.addEventListener("hashchange", () => {
  if (!visit.access || location.hash === "#view") return; // the skip link leads into the view that stands
  view();
  at("view").focus({ preventScroll: true });
});

reader.lang = localStorage.getItem(LANGUAGE) ?? ((navigator.language || "en").toLowerCase().startsWith("fr") ? "fr" : "en");
label();
busy(open());
