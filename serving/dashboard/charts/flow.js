// Journeys as a flow: from the first touch to what became of it.

import { counts, texts } from "../columns.js";
import { called, number, words } from "../format.js";
import { faded, hints } from "./axes.js";
import { chart, plain } from "./plot.js";

/**
 * Draw the flow of journeys from touch to touch.
 * @param {{title: string, summary: string, flow: {nodes: object[], links: object[]}}} given `from` and `to` of a link are places among the nodes
 */
export function flowChart(given) {
  const { nodes, links } = given.flow;
  return chart({
    ...given,
    name: "journeys",
    height: 460,
    wide: 680,
    build: (theme) => ({
      traces: [sankey(nodes, links, theme)],
      layout: { hovermode: "closest", margin: { l: 4, r: 4, t: 32, b: 12 }, annotations: headings(nodes) },
    }),
    table: { columns: columns(nodes), rows: links.toSorted((one, other) => other.journeys - one.journeys), limit: 25 },
  });
}

const name = (node) => (node.end ? (words().ends[node.end] ?? node.end) : called(node.channel));

function sankey(nodes, links, theme) {
  const colors = colorsOf(nodes, theme);
  const names = nodes.map((node) => plain(name(node)));
  const said = links.map((link) => words().pair(`${names[link.from]} → ${names[link.to]}`, words().journeys(number(link.journeys))));
  return {
    type: "sankey",
    arrangement: "fixed",
    textfont: { color: theme.color("ink"), size: 12, shadow: "none" },
    node: {
      label: names,
      color: colors,
      pad: 14,
      thickness: 14,
      line: { width: 0 },
      hovertemplate: "%{label}: %{value:,.0f}<extra></extra>",
    },
    link: {
      source: links.map((link) => link.from),
      target: links.map((link) => link.to),
      value: links.map((link) => link.journeys),
      color: links.map((link) => faded(colors[link.from], 0.28)),
      ...hints(said),
    },
  };
}

function colorsOf(nodes, theme) {
  const channels = [...new Set(nodes.map((node) => node.channel).filter(Boolean))];
  const ofEnd = (end) => theme.color(end === "converted" ? "pipeline" : "muted");
  return nodes.map((node) => (node.end ? ofEnd(node.end) : theme.palette[channels.indexOf(node.channel) % theme.palette.length]));
}

// Above each column which touch it is; what became of the journeys stands last.
function headings(nodes) {
  const last = Math.max(...nodes.map((node) => node.step ?? 0));
  const steps = [...new Set(nodes.filter((node) => node.step && node.channel !== "later").map((node) => node.step))];
  const above = { xref: "paper", y: 1, yref: "paper", yanchor: "bottom", yshift: 8, showarrow: false };
  const touches = steps.map((step) => ({ ...above, text: words().touch(step), x: (step - 1) / last, xanchor: "left" }));
  return [...touches, { ...above, text: words().outcome, x: 1, xanchor: "right" }];
}

function columns(nodes) {
  const said = words();
  return [
    texts(said.from, (link) => said.touchOf(link.step, name(nodes[link.from]))),
    texts(said.to, (link) => name(nodes[link.to])),
    counts(said.journeysTitle, (link) => link.journeys),
  ];
}
