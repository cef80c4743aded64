/**
 * Two networks as one picture, and what changes between them: each pair of routers whose traffic changes has a thick
 * line that says how. The list and the map show the same change: the change under the pointer is lit on both.
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
import { paint, pointUnder } from "./map.js";
import { along, bend } from "./shapes.js";
import { begin } from "./state.js";
import { distanceFromLine } from "./wires.js";

/** The worst first: it is what a line of several changes says. color: of the map. */
/** @type {readonly {name: Verdict, title: string, look: string, color: string}[]} */
const VERDICTS = [
  { name: "worse", title: "Worse", look: "bad", color: "broken" },
  { name: "better", title: "Better", look: "direct", color: "direct" },
  { name: "changed", title: "Changed", look: "", color: "registered" },
];
/** Pixels around a line in which the pointer is on it, and points of the line that are looked at. */
const NEAR = 9;
const POINTS = 40;
/** The widths of lines in pixels: of a change, and of the shown one. */
const THICK = 6;
const THICKER = 9;

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

/**
 * Return the two routers between which a change is, or null: it is about something else.
 * @param {Change} change
 * @param {Set<string>} nodes of both networks
 * @returns {[string, string]|null}
 */
export function pairOf({ subject, nodes: about }, nodes) {
  const [, from = "", to = ""] = /(\S+) to (\S+)$/.exec(subject) ?? [];
  if (nodes.has(from) && nodes.has(to) && from !== to) return [from, to];
  return about.length === 2 ? [about[0], about[1]] : null;
}

/**
 * Return the pairs that change, each with its changes, the worst first.
 * @param {Change[]} changes
 * @param {Set<string>} nodes
 * @returns {{from: string, to: string, changes: Change[]}[]}
 */
export function pairs(changes, nodes) {
  /** @type {Map<string, {from: string, to: string, changes: Change[]}>} */
  const found = new Map();
  for (const { name } of VERDICTS) {
    for (const change of changes.filter(({ verdict }) => verdict === name)) {
      const [from, to] = pairOf(change, nodes)?.sort() ?? ["", ""];
      if (from === "") continue;
      const pair = found.get(`${from} ${to}`) ?? { from, to, changes: [] };
      pair.changes.push(change);
      found.set(`${from} ${to}`, pair);
    }
  }
  return [...found.values()];
}

/** The picture of both networks. */
class Picture {
  /** @param {Compared} compared */
  constructor(compared) {
    this.compared = compared;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("map"));
    this.stage = union(compared.before, compared.after);
    this.nodes = new Set(this.stage.nodes.map((node) => node.name));
    this.pairs = pairs(compared.changes, this.nodes);
    this.places = layout(this.stage);
    this.view = wholeView(this.places, this.size);
    /** @type {Change|null} that was chosen */
    this.chosen = null;
    /** @type {Change|null} that the pointer is on */
    this.lit = null;
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight, ratio: devicePixelRatio };
  }

  draw() {
    const { canvas, size, stage } = this;
    [canvas.width, canvas.height] = [Math.round(size.width * size.ratio), Math.round(size.height * size.ratio)];
    this.places = layout(stage, size.width / (size.height || 1) || 1);
    this.view = wholeView(this.places, size);
    const { before, after } = this.compared;
    const [gone, fresh] = [onlyHere(before, after, "−", "broken"), onlyHere(after, before, "+", "direct")];
    const shown = this.lit ?? this.chosen;
    const ways = shown === null ? [] : [
      ...legsOf(shown.ways.before, "waiting", "before"),
      ...legsOf(shown.ways.after, "message", "after"),
    ];
    const changed = this.pairs.map(({ from, to, changes }) => {
      const isShown = shown !== null && changes.includes(shown);
      const first = isShown && shown !== null ? shown : changes[0];
      const more = changes.length > 1 && !isShown ? ` +${changes.length - 1}` : "";
      const color = VERDICTS.find(({ name }) => name === first.verdict)?.color ?? "registered";
      return { from, to, color, text: said(first) + more, width: isShown ? THICKER : THICK, isPlain: true };
    });
    const tunnels = stage.tunnels.map(({ here, there }) => ({
      ...{ here, there, condition: /** @type {const} */ ("registered") },
      ...{ encrypted: false, direct: false },
    }));
    const context = canvas.getContext("2d");
    if (context === null) return;
    const about = shown === null ? null : new Set([...shown.nodes, ...shown.ways.before, ...shown.ways.after]);
    const scene = {
      ...{ stage, places: this.places, state: begin(stage), tunnels, messages: [], time: 0, chosen: "", cause: [], wire: null },
      ...{ isStill: true, found: about !== null && about.size > 0 ? about : null, bad: new Map() },
      overlay: { legs: [...gone.legs, ...fresh.legs, ...changed, ...ways], marks: [...gone.marks, ...fresh.marks] },
    };
    paint(context, size, this.view, scene, colors());
  }

  /**
   * Return the change whose line is at a pixel, or null.
   * @param {number} x
   * @param {number} y
   */
  changeAt(x, y) {
    const point = pointUnder(this.size, this.view, x, y);
    for (const { from, to, changes } of this.pairs) {
      const [begins, ends] = [this.places.get(from), this.places.get(to)];
      if (begins === undefined || ends === undefined) continue;
      const middle = bend(begins, ends, true);
      const line = Array.from({ length: POINTS + 1 }, (_, part) => along(begins, middle, ends, part / POINTS));
      if (distanceFromLine(point, line) <= NEAR / this.view.scale) return changes[0];
    }
    return null;
  }

  /**
   * @param {Change|null} change that the pointer is on
   * @param {boolean} isOnMap where the pointer is: its row may be out of sight
   */
  light(change, isOnMap = false) {
    if (change === this.lit) return;
    this.lit = change;
    this.mark(isOnMap);
    this.draw();
  }

  /** @param {Change|null} change */
  choose(change) {
    this.chosen = change;
    this.lit = null;
    const ways = change === null ? [] : [change.ways.before, change.ways.after].map((way) => way.join(" → ") || "no path");
    const hasWay = change !== null && change.ways.before.length + change.ways.after.length > 0;
    const words = change === null ? "" : `${change.subject}: ${said(change)}${hasWay ? `. Before: ${ways[0]}. After: ${ways[1]}.` : ""}`;
    byId("chosen").textContent = plain(words);
    this.mark();
    this.draw();
  }

  /**
   * Mark the rows of the chosen and the lit change.
   * @param {boolean} isToBeSeen
   */
  mark(isToBeSeen = false) {
    for (const button of document.querySelectorAll("#changes button")) {
      const change = this.compared.changes[Number(/** @type {HTMLElement} */ (button).dataset.place)];
      button.setAttribute("aria-pressed", String(change === this.chosen));
      button.classList.toggle("lit", change === this.lit);
      if (isToBeSeen && change === this.lit) button.scrollIntoView({ block: "nearest" });
    }
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => {
      const change = this.changeAt(event.offsetX, event.offsetY);
      canvas.style.cursor = change === null ? "" : "pointer";
      this.light(change, true);
    });
    canvas.addEventListener("pointerleave", () => this.light(null));
    canvas.addEventListener("click", (event) => this.choose(this.changeAt(event.offsetX, event.offsetY)));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.choose(null);
    });
  }
}

/**
 * @param {string[]} way from router to router
 * @param {string} color
 * @param {string} text
 */
function legsOf(way, color, text) {
  return way.slice(1).map((to, place) => ({ from: way[place], to, color, text: place === 0 ? text : "" }));
}

/** @param {Change} change */
function said({ before, after }) {
  if (before && after) return `${before} → ${after}`;
  return after ? `new: ${after}` : `gone: ${before}`;
}

/** @param {Picture} picture */
function list(picture) {
  const { changes } = picture.compared;
  const sections = VERDICTS.flatMap(({ name, title, look }) => {
    const some = [...changes.entries()].filter(([, change]) => change.verdict === name);
    if (some.length === 0) return [];
    const rows = some.map(([place, change]) => {
      const button = element("button", { type: "button", "aria-pressed": "false", "data-place": String(place) });
      button.append(element("b", {}, change.topic), plain(` ${change.subject}: ${said(change)}`));
      button.addEventListener("click", () => picture.choose(picture.chosen === change ? null : change));
      for (const begins of ["pointerenter", "focus"]) button.addEventListener(begins, () => picture.light(change));
      for (const ends of ["pointerleave", "blur"]) button.addEventListener(ends, () => picture.light(null));
      return element("li", {}, button);
    });
    return [element("h2", look ? { class: look } : {}, `${title}: ${some.length}`), element("ul", {}, ...rows)];
  });
  if (sections.length === 0) sections.push(element("p", { class: "hint" }, "Nothing changes."));
  byId("changes").replaceChildren(...sections);
}

function main() {
  const text = document.getElementById("film")?.textContent ?? "";
  if (!text.trim()) return;
  /** @type {Compared} */
  const compared = JSON.parse(text);
  const picture = new Picture(compared);
  const [was, is] = [compared.before.title, compared.after.title];
  document.title = plain(was === is ? `${was}, before and after` : `${was} and ${is}`);
  byId("title").textContent = document.title;
  byId("verdict").textContent = plain(compared.verdict);
  byId("caption").textContent = plain(`Thick: a pair whose traffic changes. −: only before (${was}). +: only after (${is}).`);
  list(picture);
  picture.listen();
}

main();
