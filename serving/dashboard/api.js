// The service's answers: asked with the key of this session, and asked again where it says to come back.

const KEY = "key";
const REMEMBERED = 60_000;
const MOST_REMEMBERED = 60;
const MOST_SECONDS = 30;
const NETWORK_SECONDS = 5;
const remembered = new Map();

const DOCUMENTS = ["overview", "attribution", "economics", "segments", "channel-moves", "journeys", "drift"];

let onRefused = () => {};
let onWaiting = () => {};
let offered = {};

/** Say what to do when a key is wanted, and while the service can't answer (with "" when it can again). */
export function listen({ refused, waiting }) {
  onRefused = refused;
  onWaiting = waiting;
}

/** Keep the key for as long as the browser's tab is open. */
export function useKey(key) {
  remembered.clear();
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Say whether a key is in use. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** Say what the service has of this company, and why it lacks the rest: what it lacks is never asked for. */
export function offer({ available, missing = {} }) {
  offered = { available, missing };
}

function lacking(path) {
  const [, first, second] = /^\/v1\/([\w-]+)(?:\/([\w-]+))?/.exec(path);
  const [kind, name] = { forecast: ["forecasts", second], lists: ["lists", second] }[first] ?? ["documents", first];
  if (kind === "documents" && !DOCUMENTS.includes(name)) return null;
  const known = offered.available?.[kind];
  return known && !known.includes(name) ? { status: 404, document: { detail: offered.missing[name] } } : null;
}

/** Ask for a document; the same question within a minute gets the same answer. Gives {status, document}; `document` is a problem from 400 on. */
export function ask(path, body) {
  const nothing = lacking(path);
  if (nothing) return Promise.resolve(nothing);
  const question = `${path} ${body ? JSON.stringify(body) : ""}`;
  const known = remembered.get(question);
  if (known && performance.now() - known.at < REMEMBERED) return known.answer;
  const answer = fresh(path, body).then(async (response) => ({ status: response.status, document: await content(response) }));
  remembered.delete(question);
  remembered.set(question, { at: performance.now(), answer });
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value);
  answer.then(({ status }) => {
    if (status !== 200) remembered.delete(question);
  });
  return answer;
}

/** Ask for a file; gives {status, blob, name}. */
export async function download(path) {
  const response = await fresh(path);
  const name = /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { status: response.status, blob: await response.blob(), name: name ?? "funnelcast.csv" };
}

async function fresh(path, body) {
  for (let troubled = false; ; troubled = true) {
    const response = await send(path, body);
    const seconds = patience(response);
    if (seconds === null) {
      if (troubled) onWaiting("");
      if (response.status === 401) onRefused(hasKey());
      return response;
    }
    onWaiting(response ? "busy" : "offline", seconds);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function send(path, body) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...(key && { authorization: `Bearer ${key}` }), ...(body && { "content-type": "application/json" }) };
  try {
    return await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  } catch {
    return null;
  }
}

// How long to wait before asking again; null where the answer stands.
function patience(response) {
  if (!response) return NETWORK_SECONDS;
  if (response.status !== 429 && response.status !== 503) return null;
  return Math.min(Math.max(Number(response.headers.get("retry-after")) || NETWORK_SECONDS, 1), MOST_SECONDS);
}

async function content(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}
