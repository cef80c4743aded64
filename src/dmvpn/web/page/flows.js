/**
 * The traffic on the map: dots that move, or for those who want nothing to move, wide tunnels with numbers.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 */

import { along, bend, curve, sign } from "./shapes.js";
import { dots, flows, kbit } from "./traffic.js";

const RADIUS = 3;
const MOST_NUMBERS = 40;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 */
export function drawTraffic(context, scene, view, colors) {
  if (scene.state.rates.size === 0) return;
  const some = flows(scene.state, scene.time);
  const direct = new Set(scene.tunnels.flatMap(({ here, there, direct }) => (direct ? [`${here} ${there}`, `${there} ${here}`] : [])));
  const thickness = 1 / Math.max(view.scale, 0.5);
  if (scene.isStill) {
    /** @type {[string[], import("./shapes.js").Point][]} above all tunnels */
    const signs = [];
    for (const { from, to, rate, bits } of some) {
      const [begin, end] = [scene.places.get(from), scene.places.get(to)];
      if (begin === undefined || end === undefined) continue;
      const middle = bend(begin, end, direct.has(`${from} ${to}`));
      context.strokeStyle = colors.text;
      context.lineWidth = (2 + Math.min(8, Math.log2(1 + rate))) * thickness;
      context.beginPath();
      curve(context, begin, middle, end);
      context.stroke();
      signs.push([[`${rate}/s`, `${kbit(bits)} kbit/s`], along(begin, middle, end, 0.7)]);
    }
    if (signs.length <= MOST_NUMBERS) {
      for (const [lines, at] of signs) sign(context, lines, at, view.scale, colors.text, colors.background);
    }
    return;
  }
  context.fillStyle = colors.text;
  context.beginPath();
  for (const { from, to, part } of dots(some, scene.time)) {
    const [begin, end] = [scene.places.get(from), scene.places.get(to)];
    if (begin === undefined || end === undefined) continue;
    const at = along(begin, bend(begin, end, direct.has(`${from} ${to}`)), end, part);
    context.moveTo(at.x + RADIUS * thickness, at.y);
    context.arc(at.x, at.y, RADIUS * thickness, 0, 2 * Math.PI);
  }
  context.fill();
}
