/**
 * The messages of the cause that is followed, on the map: an arrow between two routers for each way, with the numbers
 * of its messages in the order of time.
 *
 * @typedef {import("./film.js").Step} Step
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 */

import { RANKS } from "./labels.js";
import { along, arrow, bend } from "./shapes.js";

/** Numbers that are written on one arrow. */
const MOST = 4;
const HEAD = 9;

/**
 * Return the routers of some steps.
 * @param {Step[]} steps
 * @returns {Set<string>}
 */
export function partakers(steps) {
  return new Set(steps.flatMap((step) => [step.router ?? "", step.sender ?? "", step.receiver ?? ""]));
}

/**
 * Return the ways of messages, each with the numbers of its messages.
 * @param {Step[]} steps of a cause
 * @returns {{from: string, to: string, numbers: number[]}[]}
 */
export function ways(steps) {
  /** @type {Map<string, {from: string, to: string, numbers: number[]}>} */
  const found = new Map();
  const arrows = steps.filter((step) => step.type === "arrow");
  arrows.forEach((step, place) => {
    const { sender: from = "", receiver: to = "" } = step;
    const way = found.get(`${from} ${to}`) ?? { from, to, numbers: [] };
    way.numbers.push(place + 1);
    found.set(`${from} ${to}`, way);
  });
  return [...found.values()];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 * @param {import("./labels.js").Labels} labels
 */
export function drawTrail(context, scene, view, colors, labels) {
  const thickness = 1 / Math.max(view.scale, 0.5);
  for (const way of ways(scene.cause)) {
    const from = scene.places.get(way.from);
    const to = scene.places.get(way.to);
    if (from === undefined || to === undefined) continue;
    // The two directions between a pair bend to two sides.
    const middle = bend(from, to, way.from < way.to);
    context.strokeStyle = colors.message;
    context.lineWidth = 2.5 * thickness;
    arrow(context, from, middle, to, { part: 0.8, size: HEAD * thickness });
    const more = way.numbers.length > MOST ? "…" : "";
    const text = way.numbers.slice(0, MOST).join(" ") + more;
    const places = [0.55, 0.45, 0.35, 0.65].map((part) => along(from, middle, to, part));
    labels.ask({ rank: RANKS.chosen, lines: [text], places, color: colors.message, background: colors.background, bold: true });
  }
}
