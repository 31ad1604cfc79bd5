// The three forecasts as fans: the band of 90 %, the band of 50 % and the median, week by week.

const WORDS = {
  en: {
    sales: "Sales", pipeline: "Pipeline: won amounts", cash: "Cash in and out", weeks: "weeks", total: "Over these weeks", between: "between",
    and: "and", with90: "with 90 % probability", asOf: "As of", missing: "Not modelled", key: "API key", open: "Open", perWeek: "per week",
    median: "median", noForecast: "No forecast", refused: "This key is not accepted.",
  },
  fr: {
    sales: "Ventes", pipeline: "Affaires : montants gagnés", cash: "Encaissements et décaissements", weeks: "semaines",
    total: "Sur ces semaines", between: "entre", and: "et", with90: "avec une probabilité de 90 %", asOf: "Au", missing: "Non modélisé",
    key: "Clé d'API", open: "Ouvrir", perWeek: "par semaine", median: "médiane", noForecast: "Pas de prévision",
    refused: "Cette clé n'est pas acceptée.",
  },
};
const QUANTITIES = ["sales", "pipeline", "cash"];
const WEEKS = 13;
const SIZE = { width: 760, height: 260, left: 84, right: 12, top: 12, bottom: 34 };

let lang = (navigator.language || "en").toLowerCase().startsWith("fr") ? "fr" : "en";
const answers = {};

const word = (name) => WORDS[lang][name];
const money = (amount, unit) =>
  new Intl.NumberFormat(lang, { style: "currency", currency: unit, maximumFractionDigits: 0 }).format(amount);
const day = (stamp) =>
  new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${stamp.slice(0, 10)}T00:00:00Z`));
const fullDay = (stamp) =>
  new Intl.DateTimeFormat(lang, { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${stamp.slice(0, 10)}T00:00:00Z`));

function element(name, attributes = {}, text = "") {
  const svg = ["svg", "path", "line", "text", "g", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

async function ask(quantity) {
  const headers = { "content-type": "application/json" };
  const key = sessionStorage.getItem("key");
  if (key) headers.authorization = `Bearer ${key}`;
  const answer = await fetch(`/v1/forecast/${quantity}`, { method: "POST", headers, body: JSON.stringify({ weeks: WEEKS }) });
  return { status: answer.status, document: await answer.json() };
}

// Round steps of 1, 2 or 5 times a power of ten that cover the range in about four of them.
function ticks(low, high) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) found.push(tick);
  return found;
}

function fan(forecast, title) {
  const periods = forecast.periods;
  const low = Math.min(0, ...periods.map((period) => period.p05));
  const high = Math.max(0, ...periods.map((period) => period.p95));
  const span = high - low || 1;
  const innerWidth = SIZE.width - SIZE.left - SIZE.right;
  const innerHeight = SIZE.height - SIZE.top - SIZE.bottom;
  const x = (index) => SIZE.left + (innerWidth * (index + 0.5)) / periods.length;
  const y = (value) => SIZE.top + innerHeight * (1 - (value - low) / span);
  const chart = element("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img" });
  chart.append(element("title", {}, `${title}, ${forecast.unit} ${word("perWeek")}`));
  for (const tick of ticks(low, high)) {
    chart.append(element("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(tick), y2: y(tick) }));
    chart.append(element("text", { x: SIZE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, money(tick, forecast.unit)));
  }
  const band = (upper, lower) => {
    const above = periods.map((period, index) => `${x(index)},${y(period[upper])}`);
    const below = periods.map((period, index) => `${x(index)},${y(period[lower])}`).reverse();
    return `M${[...above, ...below].join("L")}Z`;
  };
  chart.append(element("path", { class: "wide", d: band("p95", "p05") }));
  chart.append(element("path", { class: "narrow", d: band("p75", "p25") }));
  chart.append(element("path", { class: "middle", d: `M${periods.map((period, index) => `${x(index)},${y(period.p50)}`).join("L")}` }));
  const every = Math.ceil(periods.length / 7);
  periods.forEach((period, index) => {
    if (index % every === 0) {
      chart.append(element("text", { x: x(index), y: SIZE.height - 10, "text-anchor": "middle" }, day(period.start)));
    }
  });
  return chart;
}

function section(quantity) {
  const { status, document: forecast } = answers[quantity];
  const made = element("section", { "aria-labelledby": `title-${quantity}` });
  made.append(element("h2", { id: `title-${quantity}` }, word(quantity)));
  if (status !== 200) {
    made.append(element("p", {}, `${word("noForecast")}. ${forecast.detail}`));
    return made;
  }
  const { p05, p50, p95 } = forecast.total;
  const [from, to, middle] = [p05, p95, p50].map((amount) => money(amount, forecast.unit));
  made.append(element("p", {}, `${word("total")}: ${word("between")} ${from} ${word("and")} ${to} ${word("with90")} (${word("median")} ${middle}).`));
  made.append(fan(forecast, word(quantity)));
  for (const reason of forecast.missing) made.append(element("p", {}, `${word("missing")}: ${reason}`));
  return made;
}

function show() {
  document.documentElement.lang = lang;
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", button.dataset.lang === lang);
  for (const labelled of document.querySelectorAll("[data-text]")) labelled.textContent = word(labelled.dataset.text);
  const known = QUANTITIES.filter((quantity) => answers[quantity]);
  const first = known.map((quantity) => answers[quantity].document.as_of).find(Boolean);
  document.getElementById("as-of").textContent = first ? `${word("asOf")} ${fullDay(first)}` : "";
  document.getElementById("forecasts").replaceChildren(...known.map(section));
}

async function load() {
  for (const quantity of QUANTITIES) {
    const answer = await ask(quantity);
    document.getElementById("key-form").hidden = answer.status !== 401 && answer.status !== 403;
    if (answer.status === 401 || answer.status === 403) {
      if (sessionStorage.getItem("key")) document.getElementById("as-of").textContent = word("refused");
      sessionStorage.removeItem("key");
      return;
    }
    answers[quantity] = answer;
    show();
  }
}

for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    lang = button.dataset.lang;
    show();
  });
}
document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", document.getElementById("key").value);
  load();
});
show();
load();
