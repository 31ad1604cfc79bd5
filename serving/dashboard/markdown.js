// The part of Markdown that a model's card is written in, as elements: headings, paragraphs, lists, tables, bold and code. No markup passes through.

import { el } from "./dom.js";

const BULLET = /^[-*] +/;
const HEADING = /^(#{1,6}) +(.*)$/;

/** Give the elements of a text; its headings begin at a level of the page's. */
export function rendered(source, level = 4) {
  return blocks(source).map((lines) => element(lines, level));
}

// Blocks end at an empty line; a heading stands alone, and a list begins one of its own.
function blocks(source) {
  const found = [];
  let open = null;
  for (const line of source.split(/\r?\n/)) {
    if (!line.trim()) open = null;
    else if (!open || HEADING.test(line) || HEADING.test(open[0]) || (BULLET.test(line) && !BULLET.test(open[0])))
      found.push((open = [line]));
    else open.push(line);
  }
  return found;
}

function element(lines, level) {
  const heading = HEADING.exec(lines[0]);
  if (heading) return el(`h${Math.min(level + heading[1].length - 1, 6)}`, {}, inline(heading[2]));
  if (BULLET.test(lines[0]))
    return el(
      "ul",
      {},
      items(lines).map((item) => el("li", {}, inline(item))),
    );
  if (lines[0].startsWith("|") && lines.length > 1) return grid(lines);
  return el("p", {}, inline(lines.join(" ")));
}

function items(lines) {
  const found = [];
  for (const line of lines) {
    if (BULLET.test(line)) found.push(line.replace(BULLET, ""));
    else found[found.length - 1] += ` ${line.trim()}`;
  }
  return found;
}

function grid(lines) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const [head, , ...rows] = lines.map(cells);
  const table = el(
    "table",
    {},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        head.map((cell) => el("th", { scope: "col" }, inline(cell))),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((row) =>
        el(
          "tr",
          {},
          row.map((cell) => el("td", {}, inline(cell))),
        ),
      ),
    ),
  );
  return el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": head.join(", ") }, table);
}

/** Give the parts of a line: **bold**, *slanted* and `code`; an odd mark is a mark. */
export function inline(said) {
  return said
    .split(/(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|`[^`]+`)/)
    .filter(Boolean)
    .map((part) => {
      if (/^\*\*.+\*\*$/.test(part)) return el("strong", {}, part.slice(2, -2));
      if (/^\*[^*]+\*$/.test(part)) return el("em", {}, part.slice(1, -1));
      return /^`.+`$/.test(part) ? el("code", {}, part.slice(1, -1)) : part;
    });
}
