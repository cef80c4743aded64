/**
 * The map: wires, tunnels and routers of a moment, drawn on a canvas. What is drawn is a function of the stage, the
 * state and the view; messages on their way are dots between their routers.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").Step} Step
 * @typedef {import("./film.js").StageWire} StageWire
 * @typedef {import("./layout.js").Places} Places
 * @typedef {import("./layout.js").Point} Point
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Tunnel} Tunnel
 *
 * @typedef {{x: number, y: number, scale: number}} View the point of the map in the middle, and pixels for each unit
 * @typedef {Record<string, string>} Colors by name of a custom property, without its dashes
 * @typedef {object} Scene
 * @property {Stage} stage
 * @property {Places} places
 * @property {State} state
 * @property {Tunnel[]} tunnels
 * @property {Step[]} messages on their way at this moment
 * @property {number} time
 * @property {boolean} [isStill] nothing may move
 * @property {string} chosen the router that is chosen, or ""
 * @property {Set<string>|null} found nodes that a search found; null: no search
 * @property {import("./overlay.js").Overlay} overlay what a tool puts over the map
 * @property {Step[]} cause the steps of the cause that is followed; empty: none
 * @property {StageWire|null} wire that is chosen
 * @property {Map<StageWire, string>} bad what is bad about wires
 * @property {import("./clusters.js").Clustering|null} [clusters] routers that are drawn as one symbol
 */

import { drawBundles, drawClusters, drawHubs } from "./crowds.js";
import { plain } from "./dom.js";
import { drawOverlay } from "./overlay.js";
import { along, bend, curve, label } from "./shapes.js";
import { drawTraffic } from "./flows.js";
import { drawTrail, partakers } from "./trail.js";

/** Seconds for which a message is seen. */
export const FLIGHT = 0.9;
const ROUTER = 17;
/** Pixels for each unit from which on names are drawn, and hosts and wires. */
const NAMES_FROM = 0.45;
const DETAILS_FROM = 0.3;
const NAMES_OF_MESSAGES_FROM = 0.8;
/** With more messages on their way, their names would cover each other. */
const MOST_NAMED = 3;

/** How a tunnel is drawn: color, dashes, width, and the letter in its middle. */
/** @type {import("./crowds.js").Looks} */
const LOOKS = {
  none: { color: "faint", dash: [2, 5], width: 1, letter: "" },
  registering: { color: "waiting", dash: [3, 4], width: 2, letter: "?" },
  registered: { color: "registered", dash: [], width: 2, letter: "" },
  direct: { color: "direct", dash: [], width: 3, letter: "D" },
  broken: { color: "broken", dash: [8, 5], width: 2.5, letter: "×" },
};
/** Letters and colors, for the legend. */
export const LEGEND = [
  { ...LOOKS.registered, text: "registered with its hub" },
  { ...LOOKS.direct, text: "direct between spokes (D)" },
  { ...LOOKS.direct, letter: "DE", text: "encrypted (E)" },
  { ...LOOKS.registering, text: "no answer yet (?)" },
  { ...LOOKS.broken, text: "broken (×)" },
];

/**
 * Draw a scene. The canvas has `ratio` dots for each pixel.
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number, ratio: number}} size in pixels
 * @param {View} view
 * @param {Scene} scene
 * @param {Colors} colors
 */
export function paint(context, size, view, scene, colors) {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.translate(size.width / 2, size.height / 2);
  context.scale(view.scale, view.scale);
  context.translate(-view.x, -view.y);
  context.lineCap = "round";
  if (view.scale >= DETAILS_FROM) wires(context, scene, colors);
  const clusters = scene.clusters ?? null;
  if (clusters === null) {
    drawTunnels(context, scene, view, colors);
    drawTraffic(context, scene, view, colors);
  } else drawBundles(context, clusters, view, colors, LOOKS);
  drawTrail(context, scene, view, colors);
  drawOverlay(context, scene, view, colors);
  const faded = fadedNodes(scene);
  if (clusters !== null) drawHubs(context, hubsOf(scene), view, colors);
  for (const node of scene.stage.nodes) {
    if (!clusters?.of.has(node.name)) drawNode(context, scene, node, faded.has(node.name), view, colors);
  }
  if (clusters !== null) drawClusters(context, clusters, faded, view, colors, LOOKS);
  const named = view.scale >= NAMES_OF_MESSAGES_FROM && scene.messages.length <= MOST_NAMED;
  for (const message of scene.messages) dot(context, scene, message, named, view, colors);
}

/** @param {Scene} scene */
function hubsOf(scene) {
  const hubs = scene.stage.nodes.filter((node) => node.kind === "hub");
  return hubs.flatMap((node) => scene.places.get(node.name) ?? []);
}

/**
 * Return the node at a point of the map, or "".
 * @param {Scene} scene
 * @param {Point} point
 */
export function nodeAt(scene, point) {
  for (const [name, { x, y }] of scene.places) {
    if (scene.clusters?.of.has(name)) continue;
    if (Math.hypot(point.x - x, point.y - y) <= ROUTER * 1.3) return name;
  }
  return "";
}

/**
 * Return the point of the map under a pixel.
 * @param {{width: number, height: number}} size
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {Point}
 */
export function pointUnder(size, view, x, y) {
  return { x: view.x + (x - size.width / 2) / view.scale, y: view.y + (y - size.height / 2) / view.scale };
}

/**
 * Draw the wires: all good ones as one path, then the bad ones and the chosen one.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Colors} colors
 */
function wires(context, scene, colors) {
  const { stage, bad, wire: chosen } = scene;
  drawWires(context, scene, stage.wires.filter((wire) => !bad.has(wire)), { color: colors.wire, width: 1.2, dash: [] });
  drawWires(context, scene, [...bad.keys()], { color: colors.broken, width: 2, dash: [3, 6] });
  if (chosen !== null) drawWires(context, scene, [chosen], { color: colors.chosen, width: 4, dash: bad.has(chosen) ? [3, 6] : [] });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {StageWire[]} some
 * @param {{color: string, width: number, dash: number[]}} look
 */
function drawWires(context, scene, some, look) {
  context.strokeStyle = look.color;
  context.lineWidth = look.width;
  context.setLineDash(look.dash);
  context.beginPath();
  for (const { ends } of some) {
    const first = scene.places.get(ends[0][0]);
    for (const [name] of ends.slice(1)) {
      const other = scene.places.get(name);
      if (first === undefined || other === undefined) continue;
      context.moveTo(first.x, first.y);
      context.lineTo(other.x, other.y);
    }
  }
  context.stroke();
  context.setLineDash([]);
}

/**
 * Draw all tunnels, those of one look as one path: thousands of paths would take longer than a frame.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {View} view
 * @param {Colors} colors
 */
function drawTunnels(context, scene, view, colors) {
  const thickness = 1 / Math.max(view.scale, 0.5);
  for (const faded of [true, false]) {
    context.globalAlpha = faded ? 0.25 : 1;
    const some = scene.tunnels.filter((tunnel) => isFaded(scene, tunnel) === faded);
    for (const [condition, look] of Object.entries(LOOKS)) {
      context.strokeStyle = colors[look.color];
      context.lineWidth = look.width * thickness;
      context.setLineDash(look.dash.map((length) => length * thickness));
      context.beginPath();
      for (const tunnel of some) if (tunnel.condition === condition) way(context, scene, tunnel);
      context.stroke();
    }
    context.setLineDash([]);
    if (view.scale >= NAMES_FROM) for (const tunnel of some) letters(context, scene, tunnel, view, colors);
  }
  context.globalAlpha = 1;
}

/**
 * Return the nodes that a search did not find, or that have no part in the cause that is followed.
 * @param {Scene} scene
 * @returns {Set<string>}
 */
function fadedNodes(scene) {
  const { found, cause } = scene;
  if (found === null && cause.length === 0) return new Set();
  const some = found ?? partakers(cause);
  return new Set(scene.stage.nodes.map((node) => node.name).filter((name) => !some.has(name)));
}

/**
 * @param {Scene} scene
 * @param {Tunnel} tunnel
 */
function isFaded(scene, tunnel) {
  if (scene.cause.length > 0) return true;
  return scene.chosen !== "" && tunnel.here !== scene.chosen && tunnel.there !== scene.chosen;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Tunnel} tunnel
 */
function way(context, scene, tunnel) {
  const from = scene.places.get(tunnel.here);
  const to = scene.places.get(tunnel.there);
  if (from === undefined || to === undefined) return;
  curve(context, from, bend(from, to, tunnel.direct), to);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Tunnel} tunnel
 * @param {View} view
 * @param {Colors} colors
 */
function letters(context, scene, tunnel, view, colors) {
  const look = LOOKS[tunnel.condition];
  const text = look.letter + (tunnel.encrypted ? "E" : "");
  const from = scene.places.get(tunnel.here);
  const to = scene.places.get(tunnel.there);
  if (text === "" || from === undefined || to === undefined) return;
  const at = along(from, bend(from, to, tunnel.direct), to, 0.5);
  label(context, text, at, view.scale, colors[look.color], colors.background);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {import("./film.js").StageNode} node
 * @param {boolean} isFaint
 * @param {View} view
 * @param {Colors} colors
 */
function drawNode(context, scene, node, isFaint, view, colors) {
  const at = scene.places.get(node.name);
  if (at === undefined) return;
  const isRouter = scene.state.routers.has(node.name);
  if (!isRouter && view.scale < DETAILS_FROM) return;
  const alive = scene.state.routers.get(node.name)?.alive ?? true;
  context.globalAlpha = isFaint ? 0.25 : 1;
  context.lineWidth = node.name === scene.chosen ? 4 : 1.8;
  context.strokeStyle = node.name === scene.chosen ? colors.chosen : alive ? colors.line : colors.broken;
  context.fillStyle = node.kind === "hub" ? colors.hub : isRouter ? colors.spoke : colors.panel;
  outline(context, node.kind, at);
  context.fill();
  context.stroke();
  if (!alive) cross(context, at, colors.broken);
  if (view.scale >= NAMES_FROM || node.kind === "hub" || node.name === scene.chosen) {
    const size = Math.max(11, 11 / view.scale);
    context.font = `${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.lineWidth = size / 4;
    context.strokeStyle = colors.background;
    context.strokeText(shown(node.name), at.x, at.y + ROUTER + 3);
    context.fillStyle = colors.text;
    context.fillText(shown(node.name), at.x, at.y + ROUTER + 3);
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} kind
 * @param {Point} at
 */
function outline(context, kind, at) {
  context.beginPath();
  if (kind === "provider") context.ellipse(at.x, at.y, ROUTER * 2, ROUTER * 1.1, 0, 0, 2 * Math.PI);
  else if (kind === "host") context.rect(at.x - ROUTER * 0.6, at.y - ROUTER * 0.45, ROUTER * 1.2, ROUTER * 0.9);
  else if (kind === "NAT") context.rect(at.x - ROUTER * 0.7, at.y - ROUTER * 0.7, ROUTER * 1.4, ROUTER * 1.4);
  else context.arc(at.x, at.y, kind === "hub" ? ROUTER * 1.2 : ROUTER, 0, 2 * Math.PI);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Point} at
 * @param {string} color
 */
function cross(context, at, color) {
  const reach = ROUTER * 0.6;
  context.strokeStyle = color;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(at.x - reach, at.y - reach);
  context.lineTo(at.x + reach, at.y + reach);
  context.moveTo(at.x + reach, at.y - reach);
  context.lineTo(at.x - reach, at.y + reach);
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Step} message
 * @param {boolean} isNamed
 * @param {View} view
 * @param {Colors} colors
 */
function dot(context, scene, message, isNamed, view, colors) {
  const from = scene.places.get(message.sender ?? "");
  const to = scene.places.get(message.receiver ?? "");
  if (from === undefined || to === undefined) return;
  const lost = message.arrived === false;
  const part = Math.min(1, Math.max(0, (scene.time - message.time) / FLIGHT));
  const at = along(from, bend(from, to, false), to, lost ? Math.min(part, 0.6) : part);
  context.fillStyle = lost ? colors.broken : colors.message;
  context.beginPath();
  context.arc(at.x, at.y, 5 / Math.max(view.scale, 0.5), 0, 2 * Math.PI);
  context.fill();
  if (isNamed) {
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillStyle = colors.text;
    context.fillText(plain(`${message.protocol} ${message.name}`).slice(0, 60), at.x, at.y - 8);
  }
}

/**
 * Return a name that fits beneath a router.
 * @param {string} name
 */
function shown(name) {
  return plain(name.length > 16 ? `${name.slice(0, 15)}…` : name);
}
