/**
 * Two networks side by side, and what changes between them: a change that is chosen shows its routers and ways on both
 * maps. What both networks have is at the same place of both maps.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./overlay.js").Overlay} Overlay
 * @typedef {"worse"|"better"|"changed"} Verdict
 * @typedef {object} Change
 * @property {Verdict} verdict
 * @property {string} topic
 * @property {string} subject
 * @property {string} before in words
 * @property {string} after in words
 * @property {string[]} nodes that it is about
 * @property {{before: string[], after: string[]}} ways of a packet, from node to node
 * @typedef {{before: Stage, after: Stage, changes: Change[], verdict: string}} Compared
 */

import { colors } from "./colors.js";
import { byId, element, plain } from "./dom.js";
import { layout, wholeView } from "./layout.js";
import { paint } from "./map.js";
import { begin } from "./state.js";

/** @type {readonly {name: Verdict, title: string, look: string}[]} */
const VERDICTS = [
  { name: "worse", title: "Worse", look: "bad" },
  { name: "better", title: "Better", look: "direct" },
  { name: "changed", title: "Changed", look: "" },
];

/**
 * Return a network that has everything of two.
 * @param {Stage} before
 * @param {Stage} after
 * @returns {Stage}
 */
export function union(before, after) {
  /** @type {<T>(first: T[], second: T[], key: (each: T) => string) => T[]} */
  const both = (first, second, key) => [...new Map([...first, ...second].map((each) => [key(each), each])).values()];
  return {
    title: after.title,
    nodes: both(before.nodes, after.nodes, (node) => node.name),
    wires: both(before.wires, after.wires, (wire) => JSON.stringify(wire.ends)),
    tunnels: both(before.tunnels, after.tunnels, tunnelKey),
  };
}

/**
 * Return the marks of what one network has and the other has not.
 * @param {Stage} own
 * @param {Stage} other
 * @param {string} text
 * @param {string} color
 * @returns {Overlay}
 */
export function onlyHere(own, other, text, color) {
  const nodes = new Set(other.nodes.map((node) => node.name));
  const tunnels = new Set(other.tunnels.map(tunnelKey));
  return {
    legs: own.tunnels.filter((each) => !tunnels.has(tunnelKey(each))).map(({ here, there }) => ({ from: here, to: there, color, text })),
    marks: own.nodes.filter((node) => !nodes.has(node.name)).map((node) => ({ node: node.name, text, color })),
  };
}

/** @param {import("./film.js").StageTunnel} tunnel */
function tunnelKey({ here, there }) {
  return `${here} ${there}`;
}

/** Both maps. */
class Maps {
  /** @param {Compared} compared */
  constructor(compared) {
    this.compared = compared;
    this.places = layout(union(compared.before, compared.after));
    /** @type {Change|null} */
    this.chosen = null;
  }

  draw() {
    const { before, after } = this.compared;
    this.side("before", before, onlyHere(before, after, "−", "broken"));
    this.side("after", after, onlyHere(after, before, "+", "direct"));
  }

  /**
   * @param {"before"|"after"} id
   * @param {Stage} stage
   * @param {Overlay} news
   */
  side(id, stage, news) {
    const canvas = /** @type {HTMLCanvasElement} */ (byId(id));
    const size = { width: canvas.clientWidth, height: canvas.clientHeight, ratio: devicePixelRatio };
    [canvas.width, canvas.height] = [Math.round(size.width * size.ratio), Math.round(size.height * size.ratio)];
    const view = wholeView(this.places, size);
    const names = new Set(stage.nodes.map((node) => node.name));
    const places = new Map([...this.places].filter(([name]) => names.has(name)));
    const way = this.chosen?.ways[id] ?? [];
    const legs = way.slice(1).map((to, place) => ({ from: way[place], to, color: "message" }));
    const tunnels = stage.tunnels.map(({ here, there }) => ({
      ...{ here, there, condition: /** @type {const} */ ("registered") },
      ...{ encrypted: false, direct: false },
    }));
    const context = canvas.getContext("2d");
    if (context === null) return;
    const scene = {
      ...{ stage, places, state: begin(stage), tunnels, messages: [], time: 0, chosen: "", cause: [], wire: null },
      isStill: true,
      ...{ found: this.chosen === null ? null : new Set([...this.chosen.nodes, ...way]), bad: new Map() },
      overlay: { legs: [...news.legs, ...legs], marks: news.marks },
    };
    paint(context, size, view, scene, colors());
  }

  /** @param {Change|null} change */
  choose(change) {
    this.chosen = change;
    const ways = change === null ? [] : [change.ways.before, change.ways.after].map((way) => way.join(" → ") || "no path");
    const hasWay = change !== null && change.ways.before.length + change.ways.after.length > 0;
    const words = change === null ? "" : `${change.subject}: ${said(change)}${hasWay ? `. Before: ${ways[0]}. After: ${ways[1]}.` : ""}`;
    byId("chosen").textContent = plain(words);
    for (const button of document.querySelectorAll("#changes button")) {
      const place = Number(/** @type {HTMLElement} */ (button).dataset.place);
      button.setAttribute("aria-pressed", String(this.compared.changes[place] === change));
    }
    this.draw();
  }
}

/** @param {Change} change */
function said({ before, after }) {
  if (before && after) return `${before} → ${after}`;
  return after ? `new: ${after}` : `gone: ${before}`;
}

/** @param {Maps} maps */
function list(maps) {
  const { changes } = maps.compared;
  const sections = VERDICTS.flatMap(({ name, title, look }) => {
    const some = [...changes.entries()].filter(([, change]) => change.verdict === name);
    if (some.length === 0) return [];
    const rows = some.map(([place, change]) => {
      const button = element("button", { type: "button", "aria-pressed": "false", "data-place": String(place) });
      button.append(element("b", {}, change.topic), plain(` ${change.subject}: ${said(change)}`));
      button.addEventListener("click", () => maps.choose(maps.chosen === change ? null : change));
      return element("li", {}, button);
    });
    return [element("h2", look ? { class: look } : {}, `${title}: ${some.length}`), element("ul", {}, ...rows)];
  });
  byId("changes").replaceChildren(...sections);
}

function main() {
  const text = document.getElementById("film")?.textContent ?? "";
  if (!text.trim()) return;
  /** @type {Compared} */
  const compared = JSON.parse(text);
  const maps = new Maps(compared);
  const [was, is] = [compared.before.title, compared.after.title];
  document.title = plain(was === is ? `${was}, before and after` : `${was} and ${is}`);
  byId("title").textContent = document.title;
  byId("verdict").textContent = plain(compared.verdict);
  byId("caption-before").textContent = plain(`Before: ${was} (−: only here)`);
  byId("caption-after").textContent = plain(`After: ${is} (+: only here)`);
  list(maps);
  new ResizeObserver(() => maps.draw()).observe(byId("before"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => maps.draw());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") maps.choose(null);
  });
}

main();
