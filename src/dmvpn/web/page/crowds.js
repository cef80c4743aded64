/**
 * Clusters on the canvas: a disk with the number of its routers, and beside it the letter and number of those in the
 * worst condition; a line for the tunnels between two symbols, as wide as they are many.
 *
 * @typedef {import("./clusters.js").Clustering} Clustering
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 * @typedef {Record<import("./state.js").Condition, {color: string, dash: number[], width: number, letter: string}>} Looks
 */

import { radius } from "./clusters.js";
import { HEIGHT, RANKS } from "./labels.js";
import { bend, curve } from "./shapes.js";

/** The radius of a hub in pixels. */
export const HUB = 11;

/**
 * Draw the tunnels: the good ones first, so that the broken ones are seen.
 * @param {CanvasRenderingContext2D} context
 * @param {Clustering} clustering
 * @param {View} view
 * @param {Colors} colors
 * @param {Looks} looks the last ones are drawn last
 */
export function drawBundles(context, clustering, view, colors, looks) {
  for (const [condition, look] of Object.entries(looks)) {
    context.strokeStyle = colors[look.color];
    for (const bundle of clustering.bundles) {
      if (bundle.condition !== condition) continue;
      context.lineWidth = (look.width * 0.4 + 0.4 * Math.log2(bundle.count)) / view.scale;
      context.setLineDash(look.dash.map((length) => length / view.scale));
      context.beginPath();
      curve(context, bundle.from, bend(bundle.from, bundle.to, bundle.direct), bundle.to);
      context.stroke();
    }
  }
  context.setLineDash([]);
}

/**
 * Draw disks under hubs, which are to be seen among the clusters.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./layout.js").Point[]} hubs
 * @param {View} view
 * @param {Colors} colors
 */
export function drawHubs(context, hubs, view, colors) {
  context.fillStyle = colors.hub;
  context.strokeStyle = colors.line;
  context.lineWidth = 2 / view.scale;
  for (const { x, y } of hubs) {
    context.beginPath();
    context.arc(x, y, HUB / view.scale, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Clustering} clustering
 * @param {Set<string>} faded nodes
 * @param {View} view
 * @param {Colors} colors
 * @param {Looks} looks
 * @param {import("./labels.js").Labels} labels
 */
export function drawClusters(context, clustering, faded, view, colors, looks, labels) {
  const size = HEIGHT / view.scale;
  for (const { at, members, worst, count } of clustering.clusters) {
    const [look, reach] = [looks[worst], radius(members.length) / view.scale];
    context.globalAlpha = members.every((name) => faded.has(name)) ? 0.25 : 1;
    context.fillStyle = colors.spoke;
    context.strokeStyle = colors[look.color];
    context.lineWidth = 2.5 / view.scale;
    context.beginPath();
    context.arc(at.x, at.y, reach, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.font = `bold ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colors.text;
    context.fillText(String(members.length), at.x, at.y);
    labels.keepFree(at, 2 * reach, 2 * reach);
    if (!look.letter) continue;
    const places = [[1, -1], [-1, -1], [1, 1], [-1, 1]].map(([x, y]) => ({ x: at.x + 1.2 * x * reach, y: at.y + 1.2 * y * reach }));
    const lines = [`${look.letter}${count}`];
    labels.ask({ rank: RANKS.broken, lines, places, color: colors[look.color], background: colors.background, bold: true });
  }
  context.globalAlpha = 1;
}
