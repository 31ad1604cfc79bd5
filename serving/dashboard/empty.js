// What stands where there is nothing to show: which data is missing, in the reader's words.

import { el } from "./dom.js";
import { text, words } from "./format.js";

/** Say what is missing for a part of the page; the service's own reason lies under it. */
export function empty(part, answer) {
  const said = words();
  const detail = answer?.document?.detail;
  const means = answer?.status === 403 ? said.notAllowed : (said.empty[part] ?? said.emptyOther);
  return el(
    "div",
    { class: "empty", "data-empty": part },
    el("p", {}, means),
    detail &&
      el("details", {}, el("summary", {}, said.reasonOfService), el("p", { lang: typeof detail === "string" ? "en" : null }, text(detail))),
  );
}

/** Make a section with its heading. */
export const section = (title, ...children) => el("section", {}, el("h3", {}, title), ...children);
