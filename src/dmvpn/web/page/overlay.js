/**
 * What a tool puts over the map: the way of a packet as arrows, and marks at routers.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 *
 * @typedef {{from: string, to: string, color: string, text?: string}} Leg one part of a way; color: name of a custom
 *   property; text: letters in its middle
 * @typedef {{node: string, text: string, color: string}} Mark a letter or number at a node
 * @typedef {{legs: Leg[], marks: Mark[]}} Overlay
 */

import { along, arrow, bend, label } from "./shapes.js";

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
 */
export function drawOverlay(context, scene, view, colors) {
  const thickness = 1 / Math.max(view.scale, 0.5);
  for (const leg of scene.overlay.legs) {
    const from = scene.places.get(leg.from);
    const to = scene.places.get(leg.to);
    if (from === undefined || to === undefined) continue;
    context.strokeStyle = colors[leg.color];
    context.lineWidth = 4 * thickness;
    const middle = bend(from, to, false);
    arrow(context, from, middle, to, { part: 0.62, size: HEAD * thickness });
    if (leg.text) label(context, leg.text, along(from, middle, to, 0.5), view.scale, colors[leg.color], colors.background);
  }
  for (const mark of scene.overlay.marks) {
    const at = scene.places.get(mark.node);
    if (at === undefined) continue;
    const beside = { x: at.x + ASIDE, y: at.y - ASIDE };
    label(context, mark.text, beside, view.scale, colors[mark.color], colors.background);
  }
}
