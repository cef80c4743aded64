/**
 * The routers and hosts as a list, for the keyboard and for screen readers, and the search in it.
 *
 * @typedef {import("./film.js").Stage} Stage
 */

import { byId, drawn, element } from "./dom.js";
import { LINES } from "./map.js";
import { isRouter } from "./state.js";

/** Routers that are listed at most. */
const MOST = 300;

/**
 * Return the nodes whose name or address has a text; null: the text is empty, so nothing is looked for.
 * @param {Stage} stage
 * @param {string} text
 * @returns {Set<string>|null}
 */
export function searched(stage, text) {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return null;
  const nodes = stage.nodes.filter((node) =>
    [node.name, ...node.addresses].some((word) => word.toLowerCase().includes(wanted)),
  );
  return new Set(nodes.map((node) => node.name));
}

/**
 * Return the routers whose tunnels are in a condition; null: "", so any.
 * @param {Stage} stage
 * @param {import("./state.js").Tunnel[]} tunnels of the moment
 * @param {string} condition direct, broken, registered, or unregistered: a client that no server answers
 * @returns {Set<string>|null}
 */
export function inCondition(stage, tunnels, condition) {
  if (condition === "") return null;
  if (condition !== "unregistered") {
    return new Set(tunnels.filter((tunnel) => tunnel.condition === condition).flatMap(({ here, there }) => [here, there]));
  }
  const good = new Set(tunnels.filter(({ condition }) => ["registered", "unknown"].includes(condition)).map(({ here }) => here));
  return new Set(stage.tunnels.map((tunnel) => tunnel.here).filter((name) => !good.has(name)));
}

/**
 * Return the intersection of two sets; null stands for everything.
 * @param {Set<string>|null} one
 * @param {Set<string>|null} other
 * @returns {Set<string>|null}
 */
export function both(one, other) {
  if (one === null || other === null) return one ?? other;
  return new Set([...one].filter((name) => other.has(name)));
}

/**
 * Put the list on the screen.
 * @param {Stage} stage
 * @param {Set<string>|null} found by a search; null: no search
 * @param {(router: string) => void} choose
 */
export function list(stage, found, choose) {
  const some = found === null ? stage.nodes : stage.nodes.filter((node) => found.has(node.name));
  const routers = [...some.filter(isRouter), ...some.filter((node) => node.kind === "host")];
  const rows = routers.slice(0, MOST).map((node) => {
    const button = element("button", { type: "button" }, node.name);
    button.addEventListener("click", () => choose(node.name));
    return element("li", { class: node.kind }, button);
  });
  const rest = routers.length - MOST;
  if (rest > 0) rows.push(element("li", { class: "hint" }, `and ${rest} more: use the search`));
  if (routers.length === 0) rows.push(element("li", { class: "hint" }, "No router or host matches."));
  byId("routers").replaceChildren(...rows);
}

/** What a symbol of the map is; all are drawn in a box of 32 by 18. */
/** @type {[string, string, Record<string, string|number>][]} */
const SYMBOLS = [
  ["hub", "circle", { cx: 16, cy: 9, r: 8, fill: "var(--hub)", stroke: "var(--line)" }],
  ["other router", "circle", { cx: 16, cy: 9, r: 7, fill: "var(--spoke)", stroke: "var(--line)" }],
  ["does not run", "path", { d: "M9 9a7 7 0 1 0 14 0a7 7 0 1 0 -14 0M12 5L20 13M20 5L12 13", fill: "var(--spoke)", stroke: "var(--broken)" }],
  ["provider", "ellipse", { cx: 16, cy: 9, rx: 14, ry: 7, fill: "var(--panel)", stroke: "var(--line)" }],
  ["host; in large labs at its router", "rect", { x: 9, y: 4, width: 14, height: 10, fill: "var(--panel)", stroke: "var(--line)" }],
  ["NAT", "rect", { x: 9, y: 2, width: 14, height: 14, fill: "var(--panel)", stroke: "var(--line)" }],
  ["wire", "path", { d: "M1 9H31", stroke: "var(--wire)", "stroke-width": 2 }],
  ["cut or impaired wire", "path", { d: "M1 9H31", stroke: "var(--broken)", "stroke-width": 2, "stroke-dasharray": "3 5" }],
  ["message of NHRP or IKE", "circle", { cx: 16, cy: 9, r: 5, fill: "var(--message)" }],
  ["packets", "circle", { cx: 16, cy: 9, r: 3, fill: "var(--text)" }],
];

/** Put the key of the map on the page: its lines and its symbols. */
export function legend() {
  const lines = LINES.map(({ color, dash, width, letter, text }) => {
    const line = drawn("path", { d: "M1 14H31", stroke: `var(--${color})`, "stroke-width": width + 0.5, "stroke-dasharray": dash.join(" ") });
    const letters = drawn("text", { x: 16, y: 11, "text-anchor": "middle", "font-weight": "bold", fill: `var(--${color})` }, letter);
    return entry(text, line, letters);
  });
  byId("legend").replaceChildren(...lines, ...SYMBOLS.map(([text, tag, look]) => entry(text, drawn(tag, look))));
}

/**
 * @param {string} text
 * @param {...Node} shapes
 */
function entry(text, ...shapes) {
  return element("li", {}, drawn("svg", { width: 32, height: 18, "aria-hidden": "true" }, ...shapes), text);
}
