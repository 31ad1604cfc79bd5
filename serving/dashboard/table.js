// Tables that sort by their headings, and scroll inside a region of their own where they are wide.

import { el, announce } from "./dom.js";
import { words, reader, locale } from "./format.js";

/**
 * Make a table.
 * @param {{caption: string, columns: object[], rows: object[], limit?: number, hideCaption?: boolean, id?: Function,
 *          stacked?: boolean}} given columns have a `title`, a `value` that sorts and is copied, and `show` for what stands in the cell, a
 *        text or a node (see columns.js); `stacked` rows are blocks on a narrow screen
 */
export function table(given) {
  const state = { by: null, down: false, all: false };
  const region = el("div", {
    class: given.stacked ? "scroll stacked" : "scroll",
    role: "region",
    tabindex: "0",
    "aria-label": given.caption,
  });
  const more = el("p", { class: "more" });
  const draw = () => {
    const rows = sorted(given, state);
    const shown = state.all || !given.limit ? rows : rows.slice(0, given.limit);
    region.replaceChildren(el("table", {}, caption(given), head(given, state, draw), body(given, shown)));
    const rest = rows.length - shown.length;
    const all = el(
      "button",
      {
        type: "button",
        onclick: () => {
          state.all = true;
          draw();
        },
      },
      words().showAll(rows.length),
    );
    more.replaceChildren(...(rest > 0 ? [all] : []));
  };
  draw();
  return el("div", { class: "table" }, region, more);
}

const caption = (given) => el("caption", { class: given.hideCaption ? "sr" : null }, given.caption);

function head(given, state, draw) {
  const cells = given.columns.map((column, index) => {
    const order = state.by === index ? (state.down ? "descending" : "ascending") : null;
    const sort = () => {
      Object.assign(state, { down: state.by === index ? !state.down : Boolean(column.numeric), by: index });
      draw();
      document.getElementById(id(given, index))?.focus(); // the heading was drawn anew
      announce(words().sorted(column.title, state.down));
    };
    const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, order ? (state.down ? "▼" : "▲") : "");
    return el(
      "th",
      { scope: "col", class: column.numeric ? "number" : null, "aria-sort": order },
      el("button", { type: "button", id: id(given, index), onclick: sort }, column.title, arrow),
    );
  });
  return el("thead", {}, el("tr", {}, cells));
}

const id = (given, index) => `sort-${given.caption}-${index}`.replace(/\s+/g, "-");

function body(given, rows) {
  return el(
    "tbody",
    {},
    rows.map((row) =>
      el(
        "tr",
        { "data-id": given.id?.(row) },
        given.columns.map((column, index) => cell(column, row, index)),
      ),
    ),
  );
}

function cell(column, row, index) {
  const shown = column.show ? column.show(row) : column.value(row);
  const attributes = {
    class: [column.numeric && "number", column.wide && "wide", column.date && "date"].filter(Boolean).join(" ") || null,
  };
  const label = { "data-label": column.title }; // on a narrow screen, where rows are blocks
  return el(index ? "td" : "th", index ? { ...attributes, ...label } : { ...attributes, scope: "row" }, shown ?? "–");
}

function sorted(given, state) {
  if (state.by === null) return given.rows;
  const { value } = given.columns[state.by];
  const order = (one, other) => compare(value(one), value(other), state.down ? -1 : 1);
  return [...given.rows].sort(order);
}

// What is unknown stands last, whichever way the rest is sorted.
function compare(one, other, sign) {
  const [nothing, nought] = [one, other].map((value) => value === null || value === undefined || value === "");
  if (nothing || nought) return nothing - nought;
  return sign * (typeof one === "number" ? one - other : String(one).localeCompare(String(other), reader.lang, { numeric: true }));
}

/** Give rows as text that a spreadsheet takes from the clipboard: tabs between cells, numbers in the reader's notation. */
export function asText(columns, rows) {
  const lines = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => plain(column.value(row))))];
  return lines.map((cells) => cells.join("\t")).join("\n");
}

const FORMULA = /^[=+\-@\t\r]/;

function plain(value) {
  if (typeof value === "number") return new Intl.NumberFormat(locale(), { useGrouping: false, maximumFractionDigits: 4 }).format(value);
  const said = String(value ?? "").replace(/[\t\n\r]+/g, " ");
  return FORMULA.test(said) ? `'${said}` : said; // a spreadsheet would run it as a formula
}
