// What the tests read off the page; put into every window before the page's own scripts.
globalThis.looking = {
  shown: (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }),

  /** Give every text that somebody can read or hear. */
  texts() {
    const drawn = [...document.querySelectorAll("svg text")].filter(this.shown).map((node) => node.textContent);
    const named = [...document.querySelectorAll("[aria-label], [aria-valuetext], [title]")].filter(this.shown);
    const heard = named.flatMap((node) => [node.ariaLabel, node.ariaValueText, node.title]).filter(Boolean);
    return [document.title, document.body.innerText, ...drawn, ...heard].join("\n");
  },

  /** Give what makes the page scroll sideways: whatever reaches beyond the window and isn't in a region that scrolls by itself. */
  tooWide() {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const outside = (node) => node.getBoundingClientRect().right > clientWidth + 1 && !node.closest(".scroll");
    return [`${scrollWidth} > ${clientWidth}`, ...this.said([...document.querySelectorAll("body *")].filter(outside))];
  },

  /** Give texts that leave the card, the alert or the section that they stand in. */
  spilled() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, (node) => (
      node.data.trim() && !node.parentElement.closest("svg, .scroll, .sr, script") && this.shown(node.parentElement) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP));
    const found = [];
    while (walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      const box = walker.currentNode.parentElement.closest("[data-figure], .alert, button, section, header, main, body").getBoundingClientRect();
      if ([...range.getClientRects()].some(({ left, right }) => right > box.right + 1 || left < box.left - 1)) found.push(walker.currentNode.data.trim());
    }
    const cells = [...document.querySelectorAll(".stacked td")].filter((cell) => (
      this.shown(cell) && getComputedStyle(cell).display === "block" && cell.scrollWidth > cell.clientWidth + 1));
    return [...found, ...cells.map((cell) => `${cell.dataset.label}: ${cell.innerText}`)];
  },

  said: (nodes) => nodes.map((node) => node.outerHTML.slice(0, 140)),

  /** Read a chart: labels and where they lie, titles of axes, the data that were given, and how many marks stand for them. */
  chart(plot) {
    const texts = [...plot.querySelectorAll("svg text")].filter((node) => node.textContent.trim() && this.shown(node));
    const labels = texts.map((node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      return { said: node.textContent.trim(), left, right, top, bottom };
    });
    const { left, right } = plot.getBoundingClientRect();
    const axes = plot.querySelector(".cartesianlayer path") ? Object.entries(plot._fullLayout).filter(([name]) => /^[xy]axis\d*$/.test(name)) : [];
    return {
      labels, left, right,
      titled: axes.map(([name, axis]) => [name, axis.type, axis.title?.text ?? ""]),
      traces: plot.data.map(({ fill, x, y }) => ({ fill: fill ?? "", x: [...x ?? []], y: [...y ?? []] })),
      marks: plot.querySelectorAll("path.js-line, path.js-fill, .point path, path.point, .sankey-node, .sankey-link").length,
    };
  },

  /** Give the contrast of every label of the charts (WCAG 2.2: ratio of relative luminances), which axe-core doesn't judge. */
  contrasts() {
    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    const behind = (node) => {
      for (let at = node.closest("div"); at; at = at.parentElement) {
        const [red, green, blue, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
        if (alpha === 1) return [red, green, blue];
      }
      throw new Error("nothing opaque lies behind a label");
    };
    return [...document.querySelectorAll(".js-plotly-plot text")].filter((node) => node.textContent.trim() && this.shown(node)).map((node) => {
      const found = [channels(getComputedStyle(node).fill), behind(node)].map(luminance);
      return [node.textContent, (Math.max(...found) + 0.05) / (Math.min(...found) + 0.05)];
    });
  },

  /** Open what is folded away; of the charts' tables, which are many and alike, the first. */
  unfold() {
    for (const folded of document.querySelectorAll("details:not(.numbers)")) folded.open = true;
    const table = document.querySelector("details.numbers");
    if (table) table.open = true;
  },

  /** Number the controls in the order of the page; gives how many there are. */
  numbered() {
    const found = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")];
    const reachable = found.filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.disabled);
    reachable.forEach((node, place) => { node.dataset.place = place; });
    return reachable.length;
  },

  /** Give the number of the control in focus, whether a ring of two pixels shows it, and what it is; null where nothing is in focus. */
  focused() {
    const node = document.activeElement;
    if (node === document.body) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    const { width, height, right, bottom } = node.getBoundingClientRect();
    const seen = width > 1 && height > 1 && right > 0 && bottom > 0;
    return [Number(node.dataset.place ?? -1), seen && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, ...this.said([node])];
  },

  /** Give what a planner needs and doesn't see; what was folded away stays so. */
  hidden() {
    const needed = [...document.querySelectorAll("h1, h2, h3, h4, [data-figure], figure, main p, main table, main tbody tr")];
    return this.said(needed.filter((node) => !node.closest("[hidden], .sr, .scenario, .more, details:not([open])") && !this.shown(node)));
  },
};
