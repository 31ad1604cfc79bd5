// Elements made of text, never of markup: nothing that the data say can become part of the page's code.

/** Make an element; `on…` attributes are listeners, false and null ones are left out, children may be nodes, texts or nothing. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...present(children));
  return made;
}

/** Put children in the place of those that an element has; as for `el`, nothing stands for itself. */
export const fill = (place, ...children) => place.replaceChildren(...present(children));

const present = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && child !== false && child !== "");

/** Say something to those who listen to the page, and show it where it matters to everyone. */
export function announce(text) {
  document.getElementById("announced").textContent = text;
}

/** Show a notice above the page until it is taken away with an empty text. */
export function notice(text) {
  const place = document.getElementById("notice");
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

let pending = 0;

/** Mark the page as busy until something is done; gives what it gives. */
export async function busy(work) {
  const main = document.querySelector("main");
  pending += 1;
  main.setAttribute("aria-busy", "true");
  try {
    return await work;
  } finally {
    pending -= 1;
    // two frames later the charts that came into sight have begun
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        setTimeout(() => {
          if (!pending) main.setAttribute("aria-busy", "false");
        }),
      ),
    );
  }
}

/** Make a group of buttons of which one is pressed; each carries its value as `data-<name>`. */
export function choice(name, label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    el("button", { type: "button", [`data-${name}`]: value, "aria-pressed": String(value === chosen), onclick: () => choose(value) }, text),
  );
  return el("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/** Make a labelled select. */
export function select(label, options, chosen, choose, attributes = {}) {
  const box = el(
    "select",
    { ...attributes, onchange: (event) => choose(event.target.value) },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
  return el("label", { class: "field" }, el("span", {}, label), box);
}

/** Make a part that opens on demand. */
export const more = (summary, ...children) => el("details", {}, el("summary", {}, summary), ...children);

/** Make a list of texts or nodes. */
export const list = (items, attributes = {}) => el("ul", attributes, items.map((item) => el("li", {}, item))); // prettier-ignore
