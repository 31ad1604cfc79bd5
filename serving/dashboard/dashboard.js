// The three forecasts as fans: the band of 90 %, the band of 50 % and the median, week by week.

const WORDS = {
  en: {
    sales: "Sales", pipeline: "Pipeline: won amounts", cash: "Cash in and out", asOf: "As of ", missing: "Not modelled: ", key: "API key",
    open: "Open", perWeek: "per week", median: "median", half: "50% of futures", most: "90% of futures", noForecast: "No forecast. ",
    refused: "This key is not accepted here.",
    total: (from, to, middle) => `Over these weeks: between ${from} and ${to} with 90% probability (median ${middle}).`,
    short: (start) => `The first period is short: it begins on ${start}.`,
  },
  fr: {
    sales: "Ventes", pipeline: "Affaires\u00a0: montants gagnés", cash: "Encaissements et décaissements", asOf: "Au ",
    missing: "Non modélisé\u00a0: ", key: "Clé d’API", open: "Ouvrir", perWeek: "par semaine", median: "médiane",
    half: "50\u202f% des avenirs", most: "90\u202f% des avenirs", noForecast: "Pas de prévision. ",
    refused: "Cette clé n’est pas acceptée ici.",
    total: (from, to, middle) =>
      `Sur ces semaines\u00a0: entre ${from} et ${to} avec une probabilité de 90\u202f% (médiane ${middle}).`,
    short: (start) => `La première période est incomplète\u00a0: elle commence le ${start}.`,
  },
};
const QUANTITIES = ["sales", "pipeline", "cash"];
const WEEKS = 13;
const MARGIN = { left: 84, right: 12, top: 28, bottom: 34 };
const HEIGHT = 280;
const LABEL_WIDTH = 80;

let lang = (navigator.language || "en").toLowerCase().startsWith("fr") ? "fr" : "en";
const answers = {};

const word = (name) => WORDS[lang][name];
const money = (amount, unit) =>
  new Intl.NumberFormat(lang, { style: "currency", currency: unit, maximumFractionDigits: 0 }).format(amount);
const day = (stamp) =>
  new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${stamp.slice(0, 10)}T00:00:00Z`));
const fullDay = (stamp) =>
  new Intl.DateTimeFormat(lang, { dateStyle: "long", timeZone: "UTC" })
    .format(new Date(`${stamp.slice(0, 10)}T00:00:00Z`))
    .replace(/^1 (?=\D)/, "1er ");

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

// Round steps of 1, 2 or 5 times a power of ten that cover the range in about five of them.
function ticks(low, high) {
  const rough = (high - low || 1) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let count = Math.ceil(low / step); count * step <= high; count += 1) found.push(count * step + 0);
  return found;
}

function fan(forecast, title, width) {
  const periods = forecast.periods;
  const low = Math.min(0, ...periods.map((period) => period.p05));
  const high = Math.max(0, ...periods.map((period) => period.p95));
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const x = (index) => MARGIN.left + (inner.width * (index + 0.5)) / periods.length;
  const y = (value) => MARGIN.top + inner.height * (1 - (value - low) / (high - low || 1));
  const line = (level) => periods.map((period, index) => `${x(index)},${y(period[level])}`);
  const band = (lower, upper) => `M${[...line(upper), ...line(lower).reverse()].join("L")}Z`;

  const chart = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  chart.append(element("title", {}, `${title}, ${forecast.unit} ${word("perWeek")}`));
  chart.append(element("text", { x: MARGIN.left, y: 14 }, `${forecast.unit} ${word("perWeek")}`));
  for (const tick of ticks(low, high)) {
    chart.append(element("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }));
    chart.append(element("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, money(tick, forecast.unit)));
  }
  chart.append(element("path", { class: "wide", d: band("p05", "p95") }));
  chart.append(element("path", { class: "narrow", d: band("p25", "p75") }));
  chart.append(element("path", { class: "middle", d: `M${line("p50").join("L")}` }));
  const every = Math.ceil((periods.length * LABEL_WIDTH) / inner.width);
  periods.forEach((period, index) => {
    if (index % every === 0) {
      chart.append(element("text", { x: x(index), y: HEIGHT - 10, "text-anchor": "middle" }, day(period.start)));
    }
  });
  return chart;
}

function legend() {
  const made = element("p", { class: "legend" });
  for (const name of ["median", "half", "most"]) made.append(element("span", { class: `key-${name}` }, word(name)));
  return made;
}

function section(quantity) {
  const { status, document: forecast } = answers[quantity];
  const made = element("section", { "aria-labelledby": `title-${quantity}` });
  made.append(element("h2", { id: `title-${quantity}` }, word(quantity)));
  if (status !== 200) {
    made.append(element("p", {}, `${word("noForecast")}${forecast.detail}`));
    return made;
  }
  const [from, to, middle] = ["p05", "p95", "p50"].map((level) => money(forecast.total[level], forecast.unit));
  made.append(element("p", {}, word("total")(from, to, middle)));
  made.append(fan(forecast, word(quantity), document.getElementById("forecasts").clientWidth), legend());
  if (forecast.periods[0].partial) made.append(element("p", {}, word("short")(fullDay(forecast.periods[0].start))));
  for (const reason of forecast.missing) made.append(element("p", {}, `${word("missing")}${reason}`));
  return made;
}

function show() {
  document.documentElement.lang = lang;
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", button.dataset.lang === lang);
  for (const labelled of document.querySelectorAll("[data-text]")) labelled.textContent = word(labelled.dataset.text);
  const known = QUANTITIES.filter((quantity) => answers[quantity]);
  const first = known.map((quantity) => answers[quantity].document.as_of).find(Boolean);
  document.getElementById("as-of").textContent = first ? `${word("asOf")}${fullDay(first)}` : "";
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
window.addEventListener("resize", show);
show();
load();
