/**
 * What a tool puts over the map: the way of a packet as arrows, and marks at routers.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 *
 * @typedef {{from: string, to: string, color: string, text?: string, width?: number, isPlain?: boolean}} Leg one part of
 *   a way; color: name of a custom property; text: letters in its middle; width: in pixels; isPlain: without an arrow
 * @typedef {{node: string, text: string, color: string}} Mark a letter or number at a node
 * @typedef {{legs: Leg[], marks: Mark[]}} Overlay
 */

import { heightOf, RANKS } from "./labels.js";
import { along, arrow, bend, curve } from "./shapes.js";

/** @type {Overlay} */
export const NOTHING = { legs: [], marks: [] };
/** The length of the head of an arrow in pixels, and the distance of a mark from its node in units of the map. */
const HEAD = 14;
const ASIDE = 22;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 * @param {import("./labels.js").Labels} labels
 */
export function drawOverlay(context, scene, view, colors, labels) {
  const thickness = 1 / Math.max(view.scale, 0.5);
  for (const leg of scene.overlay.legs) {
    const from = scene.places.get(leg.from);
    const to = scene.places.get(leg.to);
    if (from === undefined || to === undefined) continue;
    context.strokeStyle = colors[leg.color];
    context.lineWidth = (leg.width ?? 4) * thickness;
    const middle = bend(from, to, leg.isPlain ?? false);
    if (leg.isPlain) {
      context.beginPath();
      curve(context, from, middle, to);
      context.stroke();
    } else arrow(context, from, middle, to, { part: 0.62, size: HEAD * thickness });
    if (!leg.text) continue;
    const places = [0.5, 0.4, 0.3, 0.7].map((part) => along(from, middle, to, part));
    labels.ask({ rank: RANKS.chosen, lines: [leg.text], places, color: colors[leg.color], background: colors.background, bold: true });
  }
  for (const mark of scene.overlay.marks) {
    const at = scene.places.get(mark.node);
    if (at === undefined) continue;
    const aside = Math.max(ASIDE, 2 * heightOf(view.scale));
    const places = [[1, -1], [-1, -1], [1, 1], [-1, 1]].map(([x, y]) => ({ x: at.x + x * aside, y: at.y + y * aside }));
    labels.ask({ rank: RANKS.hub, lines: [mark.text], places, color: colors[mark.color], background: colors.background, bold: true });
  }
}
