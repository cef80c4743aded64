/**
 * Tunnels of many spokes: from a hub, those to spokes in one direction go together as far as a joint, and each alone
 * from there. So a map of hundreds of tunnels has some thirty thick lines and hundreds of short ones.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./layout.js").Places} Places
 * @typedef {import("./layout.js").Point} Point
 * @typedef {{hub: Point, joint: Point, middle: Point}} Branch of a spoke: the point where it leaves the trunk, and that
 *   which bends its last part
 * @typedef {Map<string, Branch>} Branches by "SPOKE HUB"
 */

import { along, bend } from "./shapes.js";

/** With more tunnels than these they are bundled, and thin. */
const MANY = 50;
/** Directions from a hub in which its tunnels go together. */
const DIRECTIONS = 20;
/** The joint: as a part of the way to the middle of its spokes; and how far a branch goes on in its direction. */
const JOINT = 0.5;
const ONWARD = 0.3;

/** @type {WeakMap<Places, Branches>} */
const KNOWN = new WeakMap();

/**
 * Return the branches of a map; empty: it has few tunnels.
 * @param {Stage} stage
 * @param {Places} places
 * @returns {Branches}
 */
export function branchesOf(stage, places) {
  let found = KNOWN.get(places);
  if (found === undefined) KNOWN.set(places, (found = stage.tunnels.length > MANY ? bundled(stage, places) : new Map()));
  return found;
}

/**
 * @param {Stage} stage
 * @param {Places} places
 * @returns {Branches}
 */
function bundled(stage, places) {
  /** @type {Map<string, {hub: Point, spokes: {key: string, at: Point}[]}>} */
  const groups = new Map();
  for (const { here, there } of stage.tunnels) {
    const [at, hub] = [places.get(here), places.get(there)];
    if (at === undefined || hub === undefined) continue;
    const direction = Math.floor((Math.atan2(at.y - hub.y, at.x - hub.x) / (2 * Math.PI) + 0.5) * DIRECTIONS);
    const key = `${there} ${direction}`;
    const group = groups.get(key) ?? { hub, spokes: [] };
    group.spokes.push({ key: `${here} ${there}`, at });
    groups.set(key, group);
  }
  /** @type {Branches} */
  const found = new Map();
  for (const { hub, spokes } of groups.values()) {
    const sum = spokes.reduce((so, { at }) => ({ x: so.x + at.x, y: so.y + at.y }), { x: 0, y: 0 });
    const to = { x: sum.x / spokes.length - hub.x, y: sum.y / spokes.length - hub.y };
    // No farther than its nearest spoke, so that no branch goes back.
    const nearest = Math.min(...spokes.map(({ at }) => Math.hypot(at.x - hub.x, at.y - hub.y)));
    const part = Math.min(JOINT, (0.7 * nearest) / (Math.hypot(to.x, to.y) || 1));
    const joint = { x: hub.x + part * to.x, y: hub.y + part * to.y };
    for (const { key, at } of spokes) {
      const far = Math.hypot(at.x - joint.x, at.y - joint.y) / (Math.hypot(to.x, to.y) || 1);
      found.set(key, { hub, joint, middle: { x: joint.x + ONWARD * far * to.x, y: joint.y + ONWARD * far * to.y } });
    }
  }
  return found;
}

/**
 * Return a point of the way between two routers, as its tunnel is drawn.
 * @param {Branches} branches
 * @param {{name: string, at: Point}} from
 * @param {{name: string, at: Point}} to
 * @param {boolean} direct
 * @param {number} part of the way
 * @returns {Point}
 */
export function pointOfWay(branches, from, to, direct, part) {
  const branch = branches.get(`${from.name} ${to.name}`);
  if (branch !== undefined) return pointOfBranch(branch, from.at, part);
  const other = branches.get(`${to.name} ${from.name}`);
  if (other !== undefined) return pointOfBranch(other, to.at, 1 - part);
  return along(from.at, bend(from.at, to.at, direct), to.at, part);
}

/**
 * @param {Branch} branch
 * @param {Point} spoke
 * @param {number} part of the way from the spoke to its hub
 */
function pointOfBranch({ hub, joint, middle }, spoke, part) {
  if (part < 0.5) return along(spoke, middle, joint, 2 * part);
  const rest = 2 * part - 1;
  return { x: joint.x + rest * (hub.x - joint.x), y: joint.y + rest * (hub.y - joint.y) };
}
