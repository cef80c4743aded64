/**
 * Where things are on the map: the provider in the middle, hubs around it, each hub's spokes together on rings outside,
 * hosts beside their routers. A function of the stage alone.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {{x: number, y: number}} Point
 * @typedef {Map<string, Point>} Places
 */

/** Distances in the units of the map: a router is about 30 wide. */
const HUBS = 120;
/** More spokes than these push their hubs, and the first ring, outward. */
const FEW = 80;
const BETWEEN_HUBS = 110;
const TO_FIRST_RING = 120;
const BETWEEN_RINGS = 70;
const BETWEEN_SPOKES = 90;
const TO_HOST = 56;
const TO_INNER = 96;
/** More routers than these are drawn without their hosts. */
const MANY = 60;

/**
 * Return a place for each node that is drawn.
 * @param {Stage} stage
 * @returns {Places}
 */
export function layout(stage) {
  /** @type {Places} */
  const places = new Map();
  const named = (/** @type {string[]} */ ...kinds) =>
    stage.nodes.filter((node) => kinds.includes(node.kind)).map((node) => node.name);
  row(places, named("provider"), { x: 0, y: 0 }, 90);
  const clients = new Set(stage.tunnels.map((tunnel) => tunnel.here));
  const regions = regionsOf(stage, named("hub"), named("spoke", "router").filter((name) => clients.has(name)));
  const clientCount = regions.reduce((sum, region) => sum + region.spokes.length, 0);
  const inner = HUBS * Math.max(1, Math.sqrt(clientCount / FEW));
  const all = clientCount + regions.length;
  // A single region leaves the top to its hubs, so that no spoke is in their shadow.
  const gap = regions.length === 1 ? 0.18 : 0.02;
  let before = 0;
  for (const { hubs, spokes } of regions) {
    const [from, to] = [before / all, (before + spokes.length + 1) / all];
    const middle = regions.length === 1 ? 0 : (from + to) / 2;
    row(places, hubs, polar(inner, middle), BETWEEN_HUBS);
    sector(places, spokes, inner + TO_FIRST_RING, from + gap, to - gap);
    before += spokes.length + 1;
  }
  beside(stage, places, named("spoke", "router"), TO_INNER);
  if (places.size <= MANY) beside(stage, places, named("NAT", "host"), TO_HOST);
  return places;
}

/**
 * Return the area that has all places: left, top, width, height.
 * @param {Places} places
 */
export function extent(places) {
  let [left, top, right, bottom] = [0, 0, 0, 0];
  for (const { x, y } of places.values()) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * Return the view in which a canvas shows all places.
 * @param {Places} places
 * @param {{width: number, height: number}} size in pixels
 * @returns {import("./map.js").View}
 */
export function wholeView(places, { width, height }) {
  const all = extent(places);
  const scale = Math.min(2, (width - 40) / (all.width + 90), (height - 40) / (all.height + 90));
  return { x: all.left + all.width / 2, y: all.top + all.height / 2 + 8, scale };
}

/**
 * Put nodes beside each other.
 * @param {Places} places
 * @param {string[]} names
 * @param {Point} middle
 * @param {number} distance
 */
function row(places, names, middle, distance) {
  names.forEach((name, index) => {
    places.set(name, { x: middle.x + (index - (names.length - 1) / 2) * distance, y: middle.y });
  });
}

/**
 * Return the hubs that share spokes, with these, in the order of hubs.
 * @param {Stage} stage
 * @param {string[]} hubs
 * @param {string[]} routers
 */
function regionsOf(stage, hubs, routers) {
  /** @type {Map<string, string[]>} */
  const servers = new Map(routers.map((name) => [name, []]));
  for (const { here, there } of stage.tunnels) servers.get(here)?.push(there);
  /** @type {{hubs: string[], spokes: string[]}[]} */
  let regions = hubs.map((hub) => ({ hubs: [hub], spokes: [] }));
  if (regions.length === 0) regions = [{ hubs: [], spokes: [] }];
  for (const [name, known] of servers) {
    const mine = regions.filter((region) => region.hubs.some((hub) => known.includes(hub)));
    const [first, ...others] = mine.length > 0 ? mine : [regions[0]];
    first.spokes.push(name);
    for (const other of others) {
      first.hubs.push(...other.hubs);
      first.spokes.push(...other.spokes);
    }
    regions = regions.filter((region) => !others.includes(region));
  }
  return regions;
}

/**
 * Put routers on rings between two angles, as parts of a full turn. The inner ring takes what it has room for.
 * @param {Places} places
 * @param {string[]} names
 * @param {number} first the radius of the first ring
 * @param {number} from
 * @param {number} to
 */
function sector(places, names, first, from, to) {
  let radius = first;
  for (let done = 0; done < names.length; radius += BETWEEN_RINGS) {
    const room = Math.max(1, Math.floor(((to - from) * 2 * Math.PI * radius) / BETWEEN_SPOKES));
    const some = names.slice(done, done + room);
    some.forEach((name, index) => {
      places.set(name, polar(radius, from + ((index + 0.5) / some.length) * (to - from)));
    });
    done += some.length;
  }
}

/**
 * Put nodes that have no place yet beside a neighbor that has one, away from the middle of the map.
 * @param {Stage} stage
 * @param {Places} places
 * @param {string[]} names
 * @param {number} distance
 */
function beside(stage, places, names, distance) {
  /** @type {Map<string, number>} */
  const taken = new Map();
  for (const name of names.filter((each) => !places.has(each))) {
    const placed = neighbors(stage, name).filter((other) => places.has(other));
    const owner = placed.find((other) => stage.nodes.some((node) => node.name === other && node.kind !== "provider"));
    const at = places.get(owner ?? placed[0] ?? "");
    if (at === undefined) continue;
    const number = taken.get(owner ?? "") ?? 0;
    taken.set(owner ?? "", number + 1);
    const away = Math.atan2(at.y || -1, at.x) + (number % 2 ? -1 : 1) * Math.ceil(number / 2) * 0.7;
    places.set(name, { x: at.x + distance * Math.cos(away), y: at.y + distance * Math.sin(away) });
  }
}

/**
 * @param {Stage} stage
 * @param {string} name
 */
function neighbors(stage, name) {
  const wires = stage.wires.filter((wire) => wire.ends.some(([node]) => node === name));
  return wires.flatMap((wire) => wire.ends.map(([node]) => node)).filter((node) => node !== name);
}

/**
 * Return a point by its angle, a part of a full turn: 0 is up, 0.25 right.
 * @param {number} radius
 * @param {number} part
 * @returns {Point}
 */
function polar(radius, part) {
  const angle = (part - 0.25) * 2 * Math.PI;
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}
