// Who to call, in the order of what it brings: customers about to leave, leads about to buy, and what moves the balance.

import { ask, download } from "../api.js";
import { announce, busy, choice, el, fill, select } from "../dom.js";
import { called, interval, money, number, reader, share, tableDay, text, words } from "../format.js";
import { empty, section } from "../empty.js";
import { profitChart } from "../charts/bars.js";
import { asText, table } from "../table.js";

const SCOPES = { churn: "score", leads: "score", invoices: "forecast", deals: "forecast" };
const FILTERS = ["channel", "owner", "segment"];
const IDS = { churn: "contact_id", leads: "contact_id", invoices: "invoice_id", deals: "deal_id" };
const FIRST_ROWS = 25;

const chosen = { list: "churn", filters: {} };

/** Show the lists that the key's scopes allow. */
export async function people(place, scopes) {
  const lists = Object.keys(SCOPES).filter((list) => scopes.includes(SCOPES[list]));
  if (!lists.includes(chosen.list)) [chosen.list] = lists;
  const body = el("div", {}, el("p", { class: "waiting" }, words().loading));
  const pick = (list) => {
    Object.assign(chosen, { list, filters: {} });
    busy(people(place, scopes)).then(() => place.querySelector(`[data-pick=${list}]`)?.focus());
  };
  fill(place, choice("pick", words().listChoice, lists.map((list) => [list, words().lists[list]]), chosen.list, pick), body);
  await load(body);
}

const path = (format) => {
  const query = new URLSearchParams({ ...Object.fromEntries(Object.entries(chosen.filters).filter(([, value]) => value)), ...format });
  return `/v1/lists/${chosen.list}${query.size ? `?${query}` : ""}`;
};

async function load(body) {
  const list = chosen.list;
  const answer = await ask(path({}));
  if (list !== chosen.list) return;
  const title = words().lists[list];
  if (answer.status !== 200) {
    fill(body, section(title, empty(list, answer)));
    return;
  }
  const found = answer.document;
  body.dataset.list = list;
  fill(body, section(title,
    el("p", {}, words().listPurpose[list](found.ordered_by === "gain")), found.summary && el("p", { class: "lead" }, text(found.summary)),
    el("div", { class: "bar" }, selects(found, body), actions(found)),
    rows(found), profit(found), assumptions(found)));
}

function selects(found, body) {
  return FILTERS.filter((name) => found.filters?.[name]?.length).map((name) => {
    const options = [["", words().all], ...found.filters[name].map((value) => [value, called(value)])];
    return select(words().filters[name], options, chosen.filters[name] ?? "", async (value) => {
      chosen.filters[name] = value;
      await busy(load(body));
      body.querySelector(`select[name=${name}]`)?.focus();
      announce(body.querySelector(".shown")?.textContent ?? "");
    }, { name });
  });
}

function actions(found) {
  const copy = async () => announceAction(await toClipboard(asText(columnsOf(found), found.list)) ? words().copied(found.list.length) : words().notCopied);
  return el("span", { class: "actions" },
    el("button", { type: "button", "data-action": "copy", onclick: copy }, words().copy),
    el("button", { type: "button", "data-action": "csv", onclick: save }, words().download));
}

function announceAction(said) {
  announce(said);
  document.querySelector(".shown").textContent = said;
}

async function toClipboard(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return false;
  }
}

async function save() {
  const file = await download(path({ format: "csv", lang: reader.lang }));
  if (file.status !== 200) {
    announceAction(words().notDownloaded);
    return;
  }
  const address = URL.createObjectURL(file.blob);
  el("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  announceAction(words().downloaded(file.name));
}

function rows(found) {
  const shown = el("p", { class: "shown", role: "status" }, words().listed(found.list.length, found.total ?? found.list.length));
  if (!found.list.length) return [shown];
  return [shown, table({ caption: words().lists[chosen.list], hideCaption: true, columns: columnsOf(found), rows: found.list, limit: FIRST_ROWS, id: (row) => row[IDS[chosen.list]] })];
}

function profit(found) {
  if (!found.expected_profit) return "";
  const { mean, low, high } = found.expected_profit;
  const said = words().profit(money(mean), share(found.level), money(low), money(high));
  return found.curve?.length > 1 ? profitChart({ title: words().profitTitle, summary: said, curve: found.curve, size: found.size }) : el("p", {}, said);
}

function assumptions(found) {
  const left = Object.entries(found.left_out ?? {}).filter(([, count]) => count > 0).map(([why, count]) => words().leftOutFor[why]?.(count) ?? words().pair(called(why), number(count)));
  const lines = found.assumptions?.[reader.lang] ?? [];
  return el("div", { class: "terms" },
    el("p", {}, left.length ? words().leftOutSaid(left.join(", ")) : words().nobodyLeftOut),
    lines.length > 0 && el("details", {}, el("summary", {}, words().assumptions), el("ul", {}, lines.map((line) => el("li", {}, line)))));
}

// A column that this company's facts leave empty isn't shown.
const columnsOf = (found) => COLUMNS[chosen.list]().filter((column) => found.list.some((row) => ![null, undefined, ""].includes(column.value(row))));

const plain = (title, name) => ({ title, value: (row) => (row[name] ? called(row[name]) : "") });
const amount = (title, name) => ({ title, value: (row) => row[name], show: (row) => money(row[name]), numeric: true });
const date = (title, name) => ({ title, value: (row) => row[name] ?? "", show: (row) => tableDay(row[name]), date: true });
const id = (title, name) => ({ title, value: (row) => row[name] ?? "" });
const about = () => FILTERS.map((name) => plain(words().filters[name], name));
const chance = (title, name) => ({ title, value: (row) => row[name], show: (row) => share(row[name]), numeric: true });
const lowers = (title, name) => ({ title, value: (row) => row[name], show: (row) => (typeof row[name] === "number" ? words().points(number(100 * row[name], 2), 100 * row[name]) : "–"), numeric: true });
const effects = () => [lowers(words().lowersZero, "effect"), lowers(words().lowersFloor, "effect_below_floor")];

const likely = (title) => ({
  title, value: (row) => row.probability, numeric: true,
  show: (row) => el("span", {}, share(row.probability), el("span", { class: "range" }, interval(row.low, row.high, share))),
});

const reasons = () => ({
  title: words().reasons, wide: true, value: (row) => (row.reasons ?? []).map((reason) => text(reason.text)).join(" | "),
  show: (row) => el("ul", { class: "reasons" }, (row.reasons ?? []).map((reason) => el("li", {}, text(reason.text)))),
});

const COLUMNS = {
  churn: () => [id(words().contact, "contact_id"), amount(words().expectedLoss, "expected_loss"), likely(words().leaves), plain(words().grade, "grade"), reasons(), ...about(), amount(words().gain, "gain")],
  leads: () => [id(words().contact, "contact_id"), plain(words().grade, "grade"), likely(words().buys), amount(words().expectedValue, "expected_value"), reasons(), ...about(), amount(words().gain, "gain")],
  invoices: () => [id(words().invoice, "invoice_id"), id(words().contact, "contact_id"), amount(words().amount, "amount"), date(words().dueAt, "due_at"), { title: words().daysLate, value: (row) => row.days_late, show: (row) => number(row.days_late), numeric: true }, date(words().expectedPaid, "expected_paid_at"), chance(words().neverPaid, "p_never"), ...effects(), ...about()],
  deals: () => [id(words().deal, "deal_id"), id(words().contact, "contact_id"), amount(words().amount, "amount"), plain(words().stage, "stage"), chance(words().wins, "probability"), ...effects(), ...about()],
};
