// Everything that the page says, in English.

const plural = (count, one, many) => `${count.toLocaleString("en-GB")} ${Math.abs(count) === 1 ? one : many}`;

export default {
  // the frame
  skip: "Skip to the content", language: "Language", viewsLabel: "Views", figures: "Key figures", open: "Open", key: "API key",
  keyTitle: "Your key, please", keyWhy: "This service is protected. The key stays in this browser tab until you close it.", forget: "Forget the key",
  refused: "This key isn’t accepted. Check it, or ask for a new one.", footer: "Forecasts are ranges, not promises: each says how sure it is.",
  views: { forecast: "Forecast", people: "Who to call", channels: "What earns", record: "How right we were", alerts: "Alerts" },
  waiting: { offline: (seconds) => `No connection to the service. Trying again every ${seconds} s.`, busy: (seconds) => `The service is busy. Trying again in ${seconds} s.` },
  loading: "Loading …", asTable: "Show as table", showAll: (count) => `Show all ${count.toLocaleString("en-GB")} rows`,
  sorted: (column, down) => `Sorted by ${column}, ${down ? "descending" : "ascending"}`, asOf: (day) => `As of ${day}`, all: "All", yes: "yes", no: "no",

  // numbers
  under: (value) => `under ${value}`, over: (value) => `over ${value}`, range: (low, high) => `${low} to ${high}`, per: (unit) => `a ${unit}`, pair: (what, value) => `${what}: ${value}`,
  span: (shown, unit, value) => `${shown} ${Math.abs(value) === 1 ? unit.slice(0, -1) : unit}`, days: (shown, value) => `${shown} ${Math.abs(value) === 1 ? "day" : "days"}`,
  points: (shown, value) => `${shown} ${Math.abs(value) === 1 ? "point" : "points"}`,
  times: (count) => `${count} times`,

  // figures
  target: (value) => `Target ${value}`, onTarget: (likely) => `${likely} likely`, missing: "Not known:",
  comparedWith: (what) => `Compared with ${what}.`,
  aboutFigures: (missing) => `How these figures are counted${missing ? `, and ${plural(missing, "figure that is", "figures that are")} missing` : ""}`,

  // forecast
  quantities: { sales: "Sales", pipeline: "Pipeline", cash: "Cash" },
  fanTitle: { sales: "Sales, past and forecast", pipeline: "Won deals, past and forecast", cash: "Cash in and out, past and forecast" },
  partsOf: "What it is made of", partsTitle: { sales: "Sales by part", pipeline: "Won deals by part", cash: "Cash by part" },
  parts: (list) => `Expected over the horizon: ${list}.`, periodChoice: "Periods", weeks: "Weeks", months: "Months",
  each: { week: "by week", month: "by month" }, period: { week: "Week of", month: "Month" }, periodAxis: { week: "week beginning", month: "month" }, amountEach: { week: (unit) => `${unit} per week`, month: (unit) => `${unit} per month` },
  total: (from, to, mean, middle, low, high) => `From ${from} to ${to}: ${mean} expected (median ${middle}); with 80% probability between ${low} and ${high}.`,
  scenarioTotal: (mean, middle, low, high) => `In the scenario: ${mean} (median ${middle}); between ${low} and ${high}.`,
  begun: {
    week: (start, known) => `The week of ${start} had begun: ${known} of it are known, the rest is forecast.`,
    month: (start, known) => `The month that began on ${start} had begun: ${known} of it are known, the rest is forecast.`,
  },
  leftOut: {
    week: (start, middle) => `The first week is short: it begins on ${start}. The curve leaves it out (${middle} at the median); totals include it.`,
    month: (start, middle) => `The first month is short: it begins on ${start}. The curve leaves it out (${middle} at the median); totals include it.`,
  },
  actual: "Actual", likely: "Median", futures: (level) => `${level} of futures`, scenario: "Scenario", actualValue: (amount) => `Actual: ${amount}`, likelyValue: (amount) => `Median: ${amount}`,
  scenarioValue: (amount, range) => `Scenario: ${amount} (80%: ${range})`, low80: "80% low", high80: "80% high", low90: "90% low", high90: "90% high",
  balanceTitle: "Balance on the account", balanceAxis: (unit) => `balance, ${unit}`, endAxis: "up to", riskAxis: "probability", belowZero: "Below zero", belowFloor: "Below the floor",
  floor: (amount) => `Floor ${amount}`, zeroValue: (risk) => `Below zero: ${risk}`, floorValue: (risk) => `Below the floor: ${risk}`,
  shortfall: (risk) => `Probability that the balance falls below zero at some time: ${risk}.`,
  shortfallFloor: (risk, floor) => `Below the floor of ${floor}: ${risk}.`, firstWeek: (day) => `Where it does fall below zero, it is half the time by the week of ${day}.`,
  notModelled: (count) => `Not modelled: ${plural(count, "part", "parts")}`,
  whatIf: "What if", whatIfSaid: "Move a slider: the service draws the same futures again under your assumption.", reset: "Back to the plan", asPlanned: "as planned", unchanged: "as planned.",
  levers: { win_rate: "Win rate", new_deals: "New deals", payment_delay_days: "Payments come later by", spend: "Marketing spend" },
  differs: (mean, range) => `${mean} in the mean over the horizon (80% of futures: ${range}).`,
  riskDiffers: (zero, floor) => `Risk of falling below zero: ${zero}${floor && `; below the floor: ${floor}`}.`,

  // who to call
  listChoice: "List", lists: { churn: "Customers to keep", leads: "Hot leads", invoices: "Invoices to chase", deals: "Deals to close" },
  listPurpose: {
    churn: (byGain) => `Customers who may leave${byGain ? ", in the order of what a call is expected to bring" : ""}.`,
    leads: (byGain) => `Leads who may buy${byGain ? ", in the order of what a call is expected to bring" : ""}.`,
    invoices: () => "Open invoices whose payment matters most for the balance.", deals: () => "Deals whose money matters most for the balance.",
  },
  filters: { channel: "Channel", owner: "Owner", segment: "Segment" }, copy: "Copy", download: "Download CSV", copied: (count) => `${plural(count, "row", "rows")} copied.`,
  notCopied: "The browser didn’t allow copying. Download the file instead.", notDownloaded: "The file couldn’t be downloaded. Try again.", downloaded: (name) => `${name} is downloaded.`,
  listed: (shown, total) => (shown === total ? `${plural(total, "row", "rows")}.` : `${shown.toLocaleString("en-GB")} of ${plural(total, "row", "rows")}.`),
  profitTitle: "Expected profit by length of the list", profit: (mean, level, low, high) => `Expected profit of this list: ${mean} (${level} interval: ${low} to ${high}).`, sizeAxis: "contacts called", profitAxis: "expected profit",
  leftOutSaid: (list) => `Left out: ${list}.`, nobodyLeftOut: "Nobody was left out.", assumptions: "What is assumed",
  leftOutFor: {
    opted_out: (count) => `${plural(count, "contact", "contacts")} who opted out`, disqualified: (count) => `${count.toLocaleString("en-GB")} disqualified`,
    no_value: (count) => `${count.toLocaleString("en-GB")} without a known value`, unmatched: (count) => `${count.toLocaleString("en-GB")} who aren’t among the contacts`,
  },
  contact: "Contact", invoice: "Invoice", deal: "Deal", amount: "Amount", dueAt: "Due", daysLate: "Days late", expectedPaid: "Expected paid", stage: "Stage", wins: "Wins", grade: "Grade", reasons: "Why",
  expectedLoss: "Expected loss", expectedValue: "Expected value", leaves: "Leaves", buys: "Buys", gain: "Gain of a call", neverPaid: "Never paid", lowersZero: "Lowers risk below zero", lowersFloor: "Lowers risk below floor",

  // what earns
  earnings: { credits: "Credit by channel", economics: "Costs and returns", segments: "What customers are worth", journeys: "Journeys", moves: "Moves between channels", retention: "Retention by channel" },
  method: "Method", methods: { first: "First click", last: "Last click", last_non_direct: "Last click but direct", linear: "Linear", position: "By position", time_decay: "Time decay", markov: "Markov", shapley: "Shapley" },
  creditsTitle: "Conversions credited to each channel", credited: (count, value) => `${count} conversions worth ${value} are shared out.`,
  questions: { descriptive: "This describes the paths; it doesn’t say what would happen without a channel.", predictive: "This asks how conversions would change without a channel, as far as the paths can tell; it isn’t an experiment." },
  creditAxis: "conversions credited", conversions: "Conversions", intervalTitle: "Interval", shareTitle: "Share", value: "Value", channel: "Channel", errorBars: (level) => `Error bars: ${level} intervals.`, compared: "How sure the order is",
  untouched: (count, value) => `${count} conversions (${value}) had no touch and are credited to no channel.`,
  economicsSaid: (level) => `Under each figure its ${level} interval. Direct counts customers by the channel that brought them, attributed by their credit, assisted all whom the channel touched.`,
  spend: "Spend", customers: "Customers", cac: { direct: "CAC direct", attributed: "CAC attributed", assisted: "CAC assisted" }, roas: "ROAS", clvCac: "CLV / CAC", payback: "Payback, months", notYet: "not yet",
  blended: (cac, range, roas) => `Over all channels a new customer costs ${cac} (${range}); one unit of spend brings back ${roas}.`,
  journeyTypes: "Types of journey", journeyType: "Journey", journeysTitle: "Journeys", conversionRate: "Converts", daysToConvert: "Days to convert", valuePerJourney: "Value per journey",
  segmentedBy: "By", segmentsTitle: (title) => `Expected value of a customer by ${title.toLowerCase()}`, segmentsSaid: (days, level) => `What a customer is expected to bring in the next ${days} days, with ${level} intervals.`, meanClv: "Value per customer", totalClv: "Total value",
  flowTitle: "From the first touch to the outcome", flowSaid: (journeys, conversions, rate) => `${journeys} journeys, of which ${conversions} converted (${rate}).`, journeys: (count) => `${count} journeys`,
  ends: { converted: "converted", open: "still open", not_converted: "not converted" }, from: "From", to: "To", touch: (step) => `Touch ${step}`, outcome: "Outcome", touchOf: (step, channel) => `Touch ${step}: ${channel}`,
  today: "Buys today", everyone: "Everyone", movesSaid: (days) => `Where customers will buy within ${days} days, by where they buy today. Under each share its interval.`, movesCaption: (days) => `Moves between channels within ${days} days`,
  retentionSaid: (days) => `Of the customers each channel brought: who fell silent for ${days} days, and who bought in the month so long after the first purchase.`, churned: "Fell silent", stillBuying: (months) => `Bought in month ${months}`,

  // how right we were
  records: { forecasts: "Did the ranges hold?", answers: "Did the probabilities come true?", models: "Models in service", drift: "What changed" },
  coverageTitle: "How often ranges held", coverageSaid: "Points on the dashed line kept their promise; error bars are 90% intervals.", promised: "as promised", bandOf: (level) => `${level} range`, nominalAxis: "promised", heldAxis: "held", quantity: "Quantity", weeksAhead: "Weeks ahead", heldByLead: "Ranges by weeks ahead",
  notJudged: (count) => `Not judged: ${count}`, predicted: "Predicted", observed: "Observed", observedInterval: "observed, with its interval", diagonal: "as predicted", count: "Cases",
  answersGiven: "Answers given so far", answersTitle: "Answers", meanPredicted: "Mean predicted", model: "Model", version: "Version", versionOf: (model, version, days) => `${model}, version ${version}, ${days} days`,
  calibrationTitle: (name) => `Predicted and observed: ${name}`, calibrationSaid: (count, predicted, observed) => `${count} answers: ${predicted} predicted in the mean, ${observed} observed.`,
  roles: { challenger: "learned", baseline: "simple rule", champion: "learned" }, trainedAsOf: "Facts up to", age: "Age", metrics: "How good, out of sample", cardOf: (model) => `Card of ${model}`,
  metricNames: { roc_auc: "ROC-AUC", brier: "Brier score", brier_win: "Brier score", calibration_slope: "calibration slope", lift_at_10pct: "lift at 10%", bias_pct: "bias", mae: "mean absolute error", log_loss: "log-loss", coverage_80: "80% ranges held", median_absolute_error: "median error" },
  driftSaid: (changed, all, then, now) => `${changed} of ${plural(all, "column", "columns")} changed for certain and enough to matter${then && now ? ` between ${then} and ${now}` : ""}.`, column: "Column", driftEffect: "Effect, 0 to 1", qValue: "q-value", drifted: "Changed",

  // alerts
  alertCount: (count) => (count ? plural(count, "alert", "alerts") : "No alerts: nothing deviates."), effect: "Effect", action: "What to do", effectUnknown: "not known in money",
  severities: { error: "Urgent", warning: "Warning", note: "Note" },
  kinds: { outside_band: "outside the range", drift: "drift", stale_model: "old model", cash: "cash", data_quality: "data quality", champion_refused: "model refused", snapshot_refused: "refresh refused" },

  // what is missing
  reasonOfService: "The service’s reason", notAllowed: "This key may not see this part.", emptyOther: "There is nothing to show here yet.",
  empty: {
    figures: "No key figures yet: they come with the next refresh.", sales: "No sales forecast: it needs purchases with date and amount, or sales totals by week.",
    pipeline: "No pipeline forecast: it needs deals with the day they opened, and some that were won or lost.", cash: "No cash forecast: it needs invoices or purchases, and best planned payments too.",
    churn: "No list of customers to keep: it needs purchases or subscriptions by customer, or a column that says who left.", leads: "No list of leads: it needs contacts who are not yet customers, and what became of earlier ones.",
    invoices: "No list of invoices: it needs open invoices with their due dates.", deals: "No list of deals: it needs open deals with their amounts.",
    credits: "No credits: they need touchpoints by contact and channel, or aggregated journeys.", economics: "No costs and returns: they need spend by channel, beside contacts and purchases.",
    segments: "No customer values: they need purchases by customer.", journeys: "No journeys: they need touchpoints by contact and channel.", moves: "No moves between channels: they need purchases with their channel.",
    retention: "No retention: it needs purchases by customer, and the channel that brought each.", record: "Nothing can be judged yet: what was forecast must first come true.",
    models: "No model is in service yet.", card: "This model has no card.", drift: "No comparison yet: it comes with the next refresh.", alerts: "No alerts yet: they come with the next refresh.",
  },

  // what the data's own names mean
  names: {
    open_deals: "open deals", new_deals: "new deals", won: "won", receivables: "open invoices", new_invoices: "new invoices", repeat_purchases: "repeat purchases", planned: "planned items", invoices: "paid invoices", purchases: "purchases",
    sales: "Sales", pipeline: "Pipeline", cash: "Cash", receipts: "Receipts", churn: "Churn", lead_scoring: "Lead scoring", clv: "Customer value", attribution: "Attribution", deal_outcome: "Deal outcome", payment_delay: "Payment delay",
    online: "online", offline: "offline", both: "both", dormant: "dormant", mixed_started_online: "mixed, started online", mixed_started_offline: "mixed, started offline", later: "later", "(other)": "other", "(unknown)": "unknown", "(no touch)": "no touch",
  },
};
