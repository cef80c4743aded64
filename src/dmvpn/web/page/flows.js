/**
 * The traffic on the map: dots that move, or, with reduced motion, wide tunnels with numbers.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 */

import { branchesOf, pointOfWay } from "./bundles.js";
import { RANKS } from "./labels.js";
import { bend, curve } from "./shapes.js";
import { dots, flows, kbit } from "./traffic.js";

const RADIUS = 3;
/** The radius of a dot among so many that are bundled. */
const SMALL = 1.5;
const MOST_NUMBERS = 40;
/** Where the numbers of a way may stand, as parts of it. */
const PLACES = [0.7, 0.6, 0.8, 0.5, 0.4];

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 * @param {import("./labels.js").Labels} labels
 */
export function drawTraffic(context, scene, view, colors, labels) {
  if (scene.state.rates.size === 0) return;
  const some = flows(scene.state, scene.time);
  const direct = new Set(scene.tunnels.flatMap(({ here, there, direct }) => (direct ? [`${here} ${there}`, `${there} ${here}`] : [])));
  const thickness = 1 / Math.max(view.scale, 0.5);
  const branches = branchesOf(scene.stage, scene.places);
  /** @param {import("./traffic.js").Flow|import("./traffic.js").Dot} one */
  const way = ({ from, to }) => {
    const [begin, end] = [scene.places.get(from), scene.places.get(to)];
    if (begin === undefined || end === undefined) return null;
    return { begin, end, isDirect: direct.has(`${from} ${to}`), at: (/** @type {number} */ part) =>
      pointOfWay(branches, { name: from, at: begin }, { name: to, at: end }, direct.has(`${from} ${to}`), part) };
  };
  if (scene.isStill) {
    for (const flow of some) {
      const found = way(flow);
      if (found === null) continue;
      context.strokeStyle = colors.text;
      context.lineWidth = (2 + Math.min(8, Math.log2(1 + flow.rate))) * thickness;
      context.beginPath();
      curve(context, found.begin, bend(found.begin, found.end, found.isDirect), found.end);
      context.stroke();
      if (some.length > MOST_NUMBERS) continue;
      const lines = [`${flow.rate}/s`, `${kbit(flow.bits)} kbit/s`];
      labels.ask({ rank: RANKS.line, lines, places: PLACES.map(found.at), color: colors.text, background: colors.background, bold: true });
    }
    return;
  }
  const radius = (branches.size > 0 ? SMALL : RADIUS) * thickness;
  context.fillStyle = colors.text;
  context.beginPath();
  for (const one of dots(some, scene.time)) {
    const at = way(one)?.at(one.part);
    if (at === undefined) continue;
    context.moveTo(at.x + radius, at.y);
    context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  }
  context.fill();
}
