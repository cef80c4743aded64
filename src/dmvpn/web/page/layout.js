/**
 * Where things are on the map: the provider in the middle, hubs around it, each hub's spokes together on rings outside,
 * hosts beside their routers. A function of the stage alone.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {{x: number, y: number}} Point
 * @typedef {Map<string, Point>} Places
 */

/** Distances in the units of the map: a router is about 30 wide. */
const HUBS = 110;
const FIRST_RING = 250;
const BETWEEN_RINGS = 70;
const BETWEEN_SPOKES = 84;
const TO_HOST = 58;
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
  row(places, named("provider"));
  const hubs = named("hub");
  hubs.forEach((hub, index) => places.set(hub, polar(HUBS, turn(index, hubs.length))));
  const regions = byHub(stage, hubs, named("spoke", "router"));
  const all = regions.reduce((sum, region) => sum + region.length, 0);
  // The only hub leaves a gap behind it, so that no spoke is in its shadow.
  const gap = hubs.length === 1 ? 0.16 : 0;
  let before = 0;
  for (const region of regions) {
    sector(places, region, gap + ((1 - 2 * gap) * before) / all, gap + ((1 - 2 * gap) * (before + region.length)) / all);
    before += region.length;
  }
  if (places.size <= MANY) besideRouters(stage, places, named("NAT", "host"));
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
 * @param {Places} places
 * @param {string[]} names
 */
function row(places, names) {
  names.forEach((name, index) => places.set(name, { x: (index - (names.length - 1) / 2) * 90, y: 0 }));
}

/**
 * Return the routers of each hub, in the order of hubs. A router of several hubs is with the first one.
 * @param {Stage} stage
 * @param {string[]} hubs
 * @param {string[]} routers
 */
function byHub(stage, hubs, routers) {
  /** @type {Map<string, string>} */
  const owner = new Map();
  for (const { here, there } of stage.tunnels) if (!owner.has(here)) owner.set(here, there);
  const root = (/** @type {string} */ name) => {
    for (let steps = 0; steps < 8 && !hubs.includes(name); steps += 1) name = owner.get(name) ?? name;
    return name;
  };
  const regions = hubs.map((hub) => routers.filter((router) => root(router) === hub));
  const rest = routers.filter((router) => !hubs.includes(root(router)));
  return [...regions, rest].filter((region) => region.length > 0);
}

/**
 * Put routers on rings between two angles, as parts of a full turn. The inner ring takes what it has room for.
 * @param {Places} places
 * @param {string[]} names
 * @param {number} from
 * @param {number} to
 */
function sector(places, names, from, to) {
  let radius = FIRST_RING;
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
 * @param {Stage} stage
 * @param {Places} places
 * @param {string[]} names
 */
function besideRouters(stage, places, names) {
  /** @type {Map<string, number>} */
  const taken = new Map();
  for (const name of names) {
    const owner = neighbors(stage, name).find((other) => places.has(other));
    const at = owner === undefined ? undefined : places.get(owner);
    if (owner === undefined || at === undefined) continue;
    const number = taken.get(owner) ?? 0;
    taken.set(owner, number + 1);
    const away = Math.atan2(at.y, at.x) + (number % 2 ? -1 : 1) * Math.ceil(number / 2) * 0.7;
    places.set(name, { x: at.x + TO_HOST * Math.cos(away), y: at.y + TO_HOST * Math.sin(away) });
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
 * @param {number} index
 * @param {number} count
 */
function turn(index, count) {
  return index / count;
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
