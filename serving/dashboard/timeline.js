// Past and future on one line of whole weeks or months.
//
// The forecast begins on the day of the facts, in the middle of a week: what came in of that week is known, the rest is forecast. Their sum
// is the forecast of the whole week (a constant shifts every quantile by itself), so that no short period looks like a fall.

const LEVELS = ["mean", "p05", "p10", "p25", "p50", "p75", "p90", "p95"];

/** Give {actual, future, begun, leftOut}: whole periods only; `begun` is the one that the facts end in. */
export function timeline(past, periods) {
  const [first, ...rest] = periods;
  const actual = past.filter((period) => !period.partial);
  if (!first?.partial) return { actual, future: periods, begun: null, leftOut: null };
  const last = past.at(-1);
  if (!last?.partial || last.end !== first.start) return { actual, future: rest, begun: null, leftOut: first };
  const begun = { ...whole(last, first), known: last.amount };
  return { actual, future: [begun, ...rest], begun, leftOut: null };
}

function whole(known, forecast) {
  const shifted = Object.fromEntries(LEVELS.map((level) => [level, forecast[level] + known.amount]));
  return { ...shifted, start: known.start, end: forecast.end, partial: false, parts: added(known.parts, forecast.parts) };
}

function added(one = {}, other = {}) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)]));
}
