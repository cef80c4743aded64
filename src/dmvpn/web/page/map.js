/**
 * The map: wires, tunnels and routers of a moment, drawn on a canvas. The drawing is a function of the stage, the
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
 * @property {Map<StageWire, string>} bad the impairments of wires
 * @property {import("./clusters.js").Clustering|null} [clusters] routers that are drawn as one symbol
 * @property {Set<string>} [loading] routers of which the page does not know all yet
 */

import { branchesOf, pointOfWay } from "./bundles.js";
import { drawBundles, drawClusters, drawHubs, HUB } from "./crowds.js";
import { cut, plain } from "./dom.js";
import { heightOf, Labels, RANKS } from "./labels.js";
import { foldsOf } from "./layout.js";
import { drawOverlay } from "./overlay.js";
import { along, bend, curve } from "./shapes.js";
import { drawTraffic } from "./flows.js";
import { drawTrail, partakers } from "./trail.js";

/** Seconds for which a message is seen. */
export const FLIGHT = 0.9;
const ROUTER = 17;
/** Pixels around the middle of a node in which a click is for it, however small the map is. */
const NEAR = 9;
/** Pixels for each unit from which on all names are drawn that have room, and hosts and wires. */
const NAMES_FROM = 0.3;
const DETAILS_FROM = 0.3;
/** With more messages on their way, none is named. */
const MOST_NAMED = 3;
/** Where the letters of a tunnel may stand, as parts of its way. */
const PLACES_ON_A_WAY = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74];
/** How much thinner tunnels are that are bundled. */
const THIN = 0.4;

/** How a tunnel is drawn: color, dashes, width, and the letter in its middle. */
/** @type {import("./crowds.js").Looks} */
const LOOKS = {
  none: { color: "faint", dash: [2, 5], width: 1, letter: "" },
  registering: { color: "waiting", dash: [3, 4], width: 2, letter: "?" },
  registered: { color: "registered", dash: [], width: 2, letter: "" },
  direct: { color: "direct", dash: [], width: 3, letter: "D" },
  broken: { color: "broken", dash: [8, 5], width: 2.5, letter: "×" },
  unknown: { color: "wire", dash: [], width: 1.5, letter: "" },
};
/** Letters and colors, for the key. */
export const LINES = [
  { ...LOOKS.registered, text: "registered with its hub" },
  { ...LOOKS.direct, text: "direct between spokes (D)" },
  { ...LOOKS.direct, letter: "DE", text: "encrypted (E)" },
  { ...LOOKS.registering, text: "no answer yet (?)" },
  { ...LOOKS.broken, text: "broken (×)" },
  { ...LOOKS.none, text: "no registration" },
  { ...LOOKS.unknown, text: "loading" },
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
  const seen = seenOf(size, view);
  const labels = new Labels(context, view.scale, seen);
  if (view.scale >= DETAILS_FROM) wires(context, scene, colors);
  const clusters = scene.clusters ?? null;
  if (clusters === null) {
    drawTunnels(context, scene, view, colors, labels);
    drawTraffic(context, scene, view, colors, labels);
  } else drawBundles(context, clusters, view, colors, LOOKS);
  drawTrail(context, scene, view, colors, labels);
  drawOverlay(context, scene, view, colors, labels);
  const faded = fadedNodes(scene);
  if (clusters !== null) drawHubs(context, hubsOf(scene), view, colors);
  const folds = foldsOf(scene.stage, scene.places);
  const known = { faded, folds, broken: brokenOnes(scene), following: partakers(scene.cause), seen, labels };
  for (const node of scene.stage.nodes) {
    if (!clusters?.of.has(node.name) && !folds.has(node.name)) drawNode(context, scene, node, view, colors, known);
  }
  if (view.scale >= DETAILS_FROM) drawFolds(context, scene, folds, colors);
  if (clusters !== null) drawClusters(context, clusters, faded, view, colors, LOOKS, labels);
  const named = scene.messages.length <= MOST_NAMED;
  for (const message of scene.messages) dot(context, scene, message, named, view, colors, labels);
  labels.write();
}

/**
 * Return the part of the map that is on the canvas.
 * @param {{width: number, height: number}} size
 * @param {View} view
 * @returns {import("./labels.js").Box}
 */
function seenOf(size, view) {
  const [across, up] = [size.width / 2 / view.scale, size.height / 2 / view.scale];
  return { left: view.x - across, top: view.y - up, right: view.x + across, bottom: view.y + up };
}

/**
 * Return the routers that do not run, or that have a tunnel of their own which is broken.
 * @param {Scene} scene
 * @returns {Set<string>}
 */
function brokenOnes({ state, tunnels }) {
  const found = new Set(tunnels.filter(({ condition }) => condition === "broken").map(({ here }) => here));
  for (const [name, { alive }] of state.routers) if (!alive) found.add(name);
  return found;
}

/** @param {Scene} scene */
function hubsOf(scene) {
  const hubs = scene.stage.nodes.filter((node) => node.kind === "hub");
  return hubs.flatMap((node) => scene.places.get(node.name) ?? []);
}

/**
 * Return the node at a point of the map, the nearest one, or "".
 * @param {Scene} scene
 * @param {Point} point
 * @param {number} scale pixels for each unit
 */
export function nodeAt(scene, point, scale = 1) {
  const folds = foldsOf(scene.stage, scene.places);
  let [nearest, found] = [Math.max(ROUTER * 1.3, NEAR / scale), ""];
  for (const [name, { x, y }] of scene.places) {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance <= nearest && !scene.clusters?.of.has(name) && !folds.has(name)) [nearest, found] = [distance, name];
  }
  return found;
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
 * @param {Labels} labels
 */
function drawTunnels(context, scene, view, colors, labels) {
  const branches = branchesOf(scene.stage, scene.places);
  const thickness = (branches.size > 0 ? THIN : 1) / Math.max(view.scale, 0.5);
  for (const faded of [true, false]) {
    context.globalAlpha = faded ? 0.25 : 1;
    const some = scene.tunnels.filter((tunnel) => isFaded(scene, tunnel) === faded);
    for (const [condition, look] of Object.entries(LOOKS)) {
      const alike = some.filter((tunnel) => tunnel.condition === condition);
      context.strokeStyle = colors[look.color];
      context.setLineDash(look.dash.map((length) => length * thickness));
      context.lineWidth = look.width * thickness;
      context.beginPath();
      for (const tunnel of alike) way(context, scene, tunnel, branches);
      context.stroke();
      for (const { hub, joint, count } of trunks(alike, branches)) {
        context.lineWidth = (look.width + Math.log2(count)) * thickness;
        context.beginPath();
        context.moveTo(hub.x, hub.y);
        context.lineTo(joint.x, joint.y);
        context.stroke();
      }
    }
    context.setLineDash([]);
    if (view.scale >= NAMES_FROM) {
      for (const tunnel of some) letters(scene, tunnel, branches, { colors, labels, opacity: faded ? 0.25 : 1 });
    }
  }
  context.globalAlpha = 1;
}

/**
 * Return the lines that several tunnels have in common, each with their number.
 * @param {Tunnel[]} tunnels
 * @param {import("./bundles.js").Branches} branches
 */
function trunks(tunnels, branches) {
  /** @type {Map<Point, {hub: Point, joint: Point, count: number}>} */
  const found = new Map();
  for (const { here, there } of tunnels) {
    const branch = branches.get(`${here} ${there}`);
    if (branch === undefined) continue;
    const trunk = found.get(branch.joint);
    if (trunk === undefined) found.set(branch.joint, { hub: branch.hub, joint: branch.joint, count: 1 });
    else trunk.count += 1;
  }
  return found.values();
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
 * Add the part of a tunnel that is its own to the path.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Tunnel} tunnel
 * @param {import("./bundles.js").Branches} branches
 */
function way(context, scene, tunnel, branches) {
  const from = scene.places.get(tunnel.here);
  const to = scene.places.get(tunnel.there);
  if (from === undefined || to === undefined) return;
  const branch = branches.get(`${tunnel.here} ${tunnel.there}`);
  if (branch === undefined) curve(context, from, bend(from, to, tunnel.direct), to);
  else curve(context, from, branch.middle, branch.joint);
}

/**
 * Ask for the letters of a tunnel. One of a bundle has them only if it is not as it should be.
 * @param {Scene} scene
 * @param {Tunnel} tunnel
 * @param {import("./bundles.js").Branches} branches
 * @param {{colors: Colors, labels: Labels, opacity: number}} how
 */
function letters(scene, tunnel, branches, { colors, labels, opacity }) {
  const look = LOOKS[tunnel.condition];
  const isBundled = branches.has(`${tunnel.here} ${tunnel.there}`);
  const text = look.letter + (tunnel.encrypted && !isBundled ? "E" : "");
  const from = scene.places.get(tunnel.here);
  const to = scene.places.get(tunnel.there);
  if (text === "" || from === undefined || to === undefined) return;
  const ends = /** @type {const} */ ([{ name: tunnel.here, at: from }, { name: tunnel.there, at: to }]);
  const rank = opacity < 1 ? RANKS.faded : tunnel.condition === "broken" ? RANKS.broken : RANKS.line;
  const places = PLACES_ON_A_WAY.map((part) => pointOfWay(branches, ...ends, tunnel.direct, part));
  labels.ask({ rank, lines: [text], places, color: colors[look.color], background: colors.background, bold: true, opacity });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {import("./film.js").StageNode} node
 * @param {View} view
 * @param {Colors} colors
 * @param {{faded: Set<string>, folds: Map<string, string>, broken: Set<string>, following: Set<string>,
 *   seen: import("./labels.js").Box, labels: Labels}} known following: who takes part in the cause that is followed
 */
function drawNode(context, scene, node, view, colors, { faded, folds, broken, following, seen, labels }) {
  const at = scene.places.get(node.name);
  if (at === undefined) return;
  const isRouter = scene.state.routers.has(node.name);
  if (!isRouter && view.scale < DETAILS_FROM) return;
  const alive = scene.state.routers.get(node.name)?.alive ?? true;
  const isChosen = node.name === scene.chosen || folds.get(scene.chosen) === node.name;
  const isFaint = faded.has(node.name);
  context.globalAlpha = isFaint ? 0.25 : 1;
  context.lineWidth = isChosen ? 4 : 1.8;
  const isLoading = scene.loading?.has(node.name) ?? false;
  context.strokeStyle = isChosen ? colors.chosen : isLoading ? colors.faint : alive ? colors.line : colors.broken;
  context.fillStyle = node.kind === "hub" ? colors.hub : isRouter ? colors.spoke : colors.panel;
  outline(context, node.kind, at);
  context.fill();
  context.stroke();
  if (!alive) cross(context, at, colors.broken);
  context.globalAlpha = 1;
  // Among clusters a hub has a disk, which is as large on any map.
  const least = scene.clusters && node.kind === "hub" ? HUB / view.scale : 0;
  const [across, up] = (HALVES[node.kind] ?? HALVES.router).map((part) => Math.max(least, part * ROUTER));
  labels.keepFree(at, 2 * across, 2 * up);
  if (at.x < seen.left || at.x > seen.right || at.y < seen.top || at.y > seen.bottom) return;
  const rank = rankOf(scene, node, isChosen, { broken, following });
  if (view.scale < NAMES_FROM && rank > RANKS.broken) return;
  const [text, opacity] = [shown(node.name), isFaint ? 0.25 : 1];
  const places = beside(at, across, up, labels.width(text), heightOf(view.scale), scene);
  labels.ask({ rank, lines: [text], places, color: colors.text, background: colors.background, bare: true, opacity });
}

/**
 * Return who asks for a place for its name before whom.
 * @param {Scene} scene
 * @param {import("./film.js").StageNode} node
 * @param {boolean} isChosen
 * @param {{broken: Set<string>, following: Set<string>}} known
 */
function rankOf(scene, node, isChosen, { broken, following }) {
  if (node.kind === "hub") return RANKS.hub;
  if (isChosen) return RANKS.chosen;
  if (scene.found?.has(node.name) || following.has(node.name)) return RANKS.found;
  if (broken.has(node.name)) return RANKS.broken;
  return scene.state.routers.has(node.name) ? RANKS.rest : RANKS.other;
}

/**
 * Return where the name of a node may stand: below it, above it, right and left of it, at its corners. In the upper half
 * of a crowd above is outside, and so the best.
 * @param {Point} at
 * @param {number} across half of the node
 * @param {number} up half of the node
 * @param {number} width of the name
 * @param {number} height of its letters
 * @param {Scene} scene
 * @returns {Point[]}
 */
function beside({ x, y }, across, up, width, height, scene) {
  const [vertical, horizontal] = [up + 0.8 * height, across + width / 2 + 0.4 * height];
  const [below, above] = [{ x, y: y + vertical }, { x, y: y - vertical }];
  const aside = [{ x: x + horizontal, y }, { x: x - horizontal, y }];
  const corners = [[1, 1], [-1, 1], [1, -1], [-1, -1]].map(([right, down]) => ({
    x: x + right * (width / 2 + 0.4 * across),
    y: y + down * (up + 0.6 * height),
  }));
  const isUpper = y < 0 && branchesOf(scene.stage, scene.places).size > 0;
  return [...(isUpper ? [above, below] : [below, above]), ...aside, ...corners];
}

/**
 * Draw a small host at each router that hosts are folded into; one whose wire is bad has its color.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Map<string, string>} folds
 * @param {Colors} colors
 */
function drawFolds(context, scene, folds, colors) {
  if (folds.size === 0) return;
  const bad = new Set([...scene.bad.keys()].flatMap(({ ends }) => ends.map(([name]) => name)).filter((name) => folds.has(name)));
  for (const isBad of [false, true]) {
    context.beginPath();
    for (const name of folds.keys()) {
      const at = scene.places.get(name);
      if (at === undefined || scene.clusters?.of.has(folds.get(name) ?? "") || bad.has(name) !== isBad) continue;
      context.rect(at.x + ROUTER * 0.4, at.y + ROUTER * 0.5, ROUTER * 0.8, ROUTER * 0.6);
    }
    context.lineWidth = 1.5;
    context.fillStyle = colors.panel;
    context.strokeStyle = isBad ? colors.broken : colors.line;
    context.fill();
    context.stroke();
  }
}

/** Half of the width and of the height of a node, by its kind: parts of a router's half. */
/** @type {Record<string, [number, number]>} */
const HALVES = { provider: [2, 1.1], host: [0.6, 0.45], NAT: [0.7, 0.7], hub: [1.2, 1.2], router: [1, 1] };

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} kind
 * @param {Point} at
 */
function outline(context, kind, at) {
  const [across, up] = (HALVES[kind] ?? HALVES.router).map((part) => part * ROUTER);
  context.beginPath();
  if (kind === "provider") context.ellipse(at.x, at.y, across, up, 0, 0, 2 * Math.PI);
  else if (kind === "host" || kind === "NAT") context.rect(at.x - across, at.y - up, 2 * across, 2 * up);
  else context.arc(at.x, at.y, across, 0, 2 * Math.PI);
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
 * @param {Labels} labels
 */
function dot(context, scene, message, isNamed, view, colors, labels) {
  const from = scene.places.get(message.sender ?? "");
  const to = scene.places.get(message.receiver ?? "");
  if (from === undefined || to === undefined) return;
  const lost = message.lost || message.absent;
  const part = Math.min(1, Math.max(0, (scene.time - message.time) / FLIGHT));
  const at = along(from, bend(from, to, false), to, lost ? Math.min(part, 0.6) : part);
  context.fillStyle = message.lost ? colors.broken : message.absent ? colors.faint : colors.message;
  context.beginPath();
  context.arc(at.x, at.y, 5 / Math.max(view.scale, 0.5), 0, 2 * Math.PI);
  context.fill();
  if (isNamed) {
    const lines = [plain(`${message.protocol} ${message.name}`).slice(0, 60)];
    const places = [-1.3, 1.3, -2.5, 2.5].map((lift) => ({ x: at.x, y: at.y + lift * heightOf(view.scale) }));
    labels.ask({ rank: RANKS.message, lines, places, color: colors.text, background: colors.background, bare: true });
  }
}

/**
 * Return a name as the map has it: a long one without its middle.
 * @param {string} name
 */
function shown(name) {
  return plain(cut(name, 16));
}
