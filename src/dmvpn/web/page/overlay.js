/**
 * What a tool puts over the map: the way of a packet as arrows, and marks at routers.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 *
 * @typedef {{from: string, to: string, color: string}} Leg one part of a way; color: name of a custom property
 * @typedef {{node: string, text: string, color: string}} Mark a letter or number at a node
 * @typedef {{legs: Leg[], marks: Mark[]}} Overlay
 */

import { along, bend, label } from "./shapes.js";

/** @type {Overlay} */
export const NOTHING = { legs: [], marks: [] };
/** Where the head of an arrow is, and the distance of a mark from its node: parts of the way, units of the map. */
const HEAD = 0.62;
const ASIDE = 22;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 */
export function drawOverlay(context, scene, view, colors) {
  const thickness = 1 / Math.max(view.scale, 0.5);
  context.setLineDash([]);
  for (const leg of scene.overlay.legs) arrow(context, scene, leg, thickness, colors);
  for (const mark of scene.overlay.marks) {
    const at = scene.places.get(mark.node);
    if (at === undefined) continue;
    const beside = { x: at.x + ASIDE, y: at.y - ASIDE };
    label(context, mark.text, beside, view.scale, colors[mark.color], colors.background);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Leg} leg
 * @param {number} thickness units of the map for each pixel
 * @param {Colors} colors
 */
function arrow(context, scene, leg, thickness, colors) {
  const from = scene.places.get(leg.from);
  const to = scene.places.get(leg.to);
  if (from === undefined || to === undefined) return;
  const middle = bend(from, to, false);
  context.strokeStyle = colors[leg.color];
  context.lineWidth = 4 * thickness;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.quadraticCurveTo(middle.x, middle.y, to.x, to.y);
  context.stroke();
  const [before, tip] = [along(from, middle, to, HEAD - 0.05), along(from, middle, to, HEAD)];
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1;
  const [x, y] = [(tip.x - before.x) / length, (tip.y - before.y) / length];
  const size = 10 * thickness;
  context.fillStyle = colors[leg.color];
  context.beginPath();
  context.moveTo(tip.x + x * size, tip.y + y * size);
  context.lineTo(tip.x - y * size, tip.y + x * size);
  context.lineTo(tip.x + y * size, tip.y - x * size);
  context.fill();
}
