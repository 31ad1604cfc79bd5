// Who to call, in the order of what it brings: customers about to leave, leads about to buy, and what moves the balance.

import { ask, download } from "../api.js";
import { profitChart } from "../charts/profit.js";
import { announce, busy, choice, el, fill, list, more, select } from "../dom.js";
import { empty, section } from "../empty.js";
import { called, money, number, reader, share, text, words } from "../format.js";
import { asText, table } from "../table.js";
import { columnsOf, FILTERS, LISTS } from "./lists.js";

const FIRST_ROWS = matchMedia("(max-width: 40rem)").matches ? 10 : 25;

const chosen = { list: "churn", filters: {} };

/** Show the lists that the key's scopes allow. */
export async function people(place, scopes) {
  const names = Object.keys(LISTS).filter((name) => scopes.includes(LISTS[name].scope));
  if (!names.includes(chosen.list)) [chosen.list] = names;
  const body = el("div", {}, el("p", { class: "waiting" }, words().loading));
  const options = names.map((name) => [name, words().lists[name]]);
  const pick = async (name) => {
    Object.assign(chosen, { list: name, filters: {} });
    await busy(people(place, scopes));
    place.querySelector(`[data-pick=${name}]`)?.focus();
  };
  fill(place, choice("pick", words().listChoice, options, chosen.list, pick), body);
  await load(body);
}

async function load(body) {
  const name = chosen.list;
  const answer = await ask(path());
  if (name !== chosen.list) return; // another list was picked meanwhile
  const title = words().lists[name];
  body.dataset.list = name;
  if (answer.status === 200) fill(body, section(title, content(answer.document, body)));
  else fill(body, section(title, empty(name, answer)));
}

function path(extra = {}) {
  const filters = Object.entries(chosen.filters).filter(([, value]) => value);
  const query = new URLSearchParams({ ...Object.fromEntries(filters), ...extra });
  return `/v1/lists/${chosen.list}${query.size ? `?${query}` : ""}`;
}

const content = (found, body) => [
  el("p", {}, words().listPurpose[chosen.list](found.ordered_by === "gain")),
  found.summary && el("p", { class: "lead" }, text(found.summary)),
  el("div", { class: "bar" }, selects(found, body), actions(found)),
  el("p", { class: "shown", role: "status" }, words().listed(found.list.length, found.total)),
  rows(found),
  profit(found),
  terms(found),
];

function selects(found, body) {
  const narrow = async (name, value) => {
    chosen.filters[name] = value;
    await busy(load(body));
    body.querySelector(`select[name=${name}]`)?.focus();
  };
  const options = (name) => [["", words().all], ...found.filters[name].map((value) => [value, called(value)])];
  return FILTERS.filter((name) => found.filters[name]?.length).map((name) =>
    select(words().filters[name], options(name), chosen.filters[name] ?? "", (value) => narrow(name, value), { name }),
  );
}

function actions(found) {
  const copy = async () => {
    const copied = await toClipboard(asText(columnsOf(chosen.list, found.list), found.list));
    tell(copied ? words().copied(found.list.length) : words().notCopied);
  };
  const button = (action, onclick, said) => el("button", { type: "button", "data-action": action, onclick }, said);
  return el("span", { class: "actions" }, button("copy", copy, words().copy), button("csv", save, words().download));
}

function tell(said) {
  announce(said);
  document.querySelector(".shown").textContent = said;
}

async function toClipboard(said) {
  try {
    await navigator.clipboard.writeText(said);
    return true;
  } catch {
    return false; // not allowed, or the page came over plain HTTP
  }
}

async function save() {
  const file = await download(path({ format: "csv", lang: reader.lang }));
  if (file.status !== 200) {
    tell(words().notDownloaded);
    return;
  }
  const address = URL.createObjectURL(file.blob);
  el("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  tell(words().downloaded(file.name));
}

function rows(found) {
  if (!found.list.length) return null;
  const id = (row) => row[LISTS[chosen.list].id];
  const columns = columnsOf(chosen.list, found.list);
  return table({ caption: words().lists[chosen.list], hideCaption: true, columns, rows: found.list, limit: FIRST_ROWS, id, stacked: true });
}

function profit(found) {
  if (!found.expected_profit) return null;
  const { mean, low, high } = found.expected_profit;
  const summary = words().profit(money(mean), share(found.level), money(low), money(high));
  return profitChart({ title: words().profitTitle, summary, curve: found.curve, size: found.size });
}

function terms(found) {
  const left = Object.entries(found.left_out ?? {}).filter(([, count]) => count > 0);
  const said = left.map(([why, count]) => words().leftOutFor[why]?.(count) ?? words().pair(called(why), number(count)));
  const lines = found.assumptions?.[reader.lang] ?? [];
  return [
    el("p", {}, said.length ? words().leftOutSaid(said.join(", ")) : words().nobodyLeftOut),
    lines.length > 0 && more(words().assumptions, list(lines)),
  ];
}
