// Journeys as a flow: from the first touch to what became of it.

import { called, number, words } from "../format.js";
import { faded } from "./fan.js";
import { chart, plain } from "./plot.js";

/**
 * Draw the flow of journeys from touch to touch.
 * @param {{title: string, summary: string, flow: {nodes: object[], links: object[]}}} given
 */
export function flowChart(given) {
  const { nodes, links } = given.flow;
  const channels = [...new Set(nodes.map((node) => node.channel).filter(Boolean))];
  const name = (node) => (node.end ? words().ends[node.end] ?? node.end : called(node.channel));
  const place = (node, step) => (typeof node === "number" ? node : nodes.findIndex((one) => one.end === node || (one.channel === node && one.step === step)));
  const flows = links.map((link) => ({ ...link, source: place(link.from, link.step), target: place(link.to, link.step + 1) }));
  return chart({
    ...given,
    name: "journeys",
    height: 460,
    wide: 680,
    build: (theme) => ({ traces: [sankey(nodes, flows, name, (node) => colorOf(node, channels, theme), theme)], layout: { hovermode: "closest", margin: { l: 4, r: 4, t: 32, b: 12 }, annotations: headings(nodes) } }),
    table: { columns: columns(nodes, name), rows: [...flows].sort((one, other) => other.journeys - one.journeys), limit: 25 },
  });
}

function sankey(nodes, flows, name, color, theme) {
  const colors = nodes.map(color);
  const said = (flow) => words().pair(`${plain(name(nodes[flow.source]))} → ${plain(name(nodes[flow.target]))}`, words().journeys(number(flow.journeys)));
  return {
    type: "sankey", arrangement: "fixed", textfont: { color: theme.color("ink"), size: 12, shadow: "none" },
    node: { label: nodes.map((node) => plain(name(node))), color: colors, pad: 14, thickness: 14, line: { width: 0 }, hovertemplate: "%{label}: %{value:,.0f}<extra></extra>" },
    link: { source: flows.map((flow) => flow.source), target: flows.map((flow) => flow.target), value: flows.map((flow) => flow.journeys), color: flows.map((flow) => faded(colors[flow.source], 0.28)), customdata: flows.map(said), hovertemplate: "%{customdata}<extra></extra>" },
  };
}

// Above each column which touch it is; what became of the journeys stands last.
function headings(nodes) {
  const last = Math.max(...nodes.map((node) => node.step ?? 0));
  const steps = Array.from({ length: last }, (_, index) => index + 1).filter((step) => nodes.some((node) => node.step === step && node.channel !== "later"));
  const heading = (said, x, xanchor) => ({ text: said, x, xanchor, xref: "paper", y: 1, yref: "paper", yanchor: "bottom", yshift: 8, showarrow: false });
  return [...steps.map((step) => heading(words().touch(step), (step - 1) / last, "left")), heading(words().outcome, 1, "right")];
}

function colorOf(node, channels, theme) {
  if (node.end) return node.end === "converted" ? theme.color("pipeline") : theme.color("muted");
  return theme.palette[channels.indexOf(node.channel) % theme.palette.length];
}

function columns(nodes, name) {
  const said = words();
  return [
    { title: said.from, value: (flow) => said.touchOf(flow.step, name(nodes[flow.source])) },
    { title: said.to, value: (flow) => name(nodes[flow.target]) },
    { title: said.journeysTitle, value: (flow) => flow.journeys, show: (flow) => number(flow.journeys), numeric: true },
  ];
}
