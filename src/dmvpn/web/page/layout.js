/**
 * Where things are on the map: the provider in the middle, hubs around it, each hub's spokes together on rings outside,
 * hosts beside their routers. In a crowd the hubs of one region are in the middle, and hosts are folded into their
 * routers. Rings are as wide as the canvas. A function of the stage and of the shape of the canvas.
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
/** The first ring around hubs in the middle. */
const AROUND_HUBS = 190;
/** Spokes that one ring around such hubs holds, which is as large as they need. */
const ON_ONE_RING = 40;
/** With more routers than these, hosts are folded into their routers. */
const CROWD = 20;
/** With more places than these, translators are folded into theirs. */
const MANY = 60;
/** The flattest and the steepest rings: width by height. */
const FLATTEST = 1.8;
const STEEPEST = 0.7;
/** Places so little above the lowest ones count as low; direct tunnels are bent by this part of their length. */
const LOW = 60;
const BENT = 0.18;
/** Points of an ellipse between which its length is measured. */
const PRECISION = 256;
const ROUTERS = ["hub", "spoke", "router"];

/**
 * Return a place for each node that is drawn. A node that is folded into another one has the same place.
 * @param {Stage} stage
 * @param {number} aspect of the canvas: width by height
 * @returns {Places}
 */
export function layout(stage, aspect = 1) {
  /** @type {Places} */
  const places = new Map();
  const named = (/** @type {string[]} */ ...kinds) =>
    stage.nodes.filter((node) => kinds.includes(node.kind)).map((node) => node.name);
  const ring = new Ring(Math.min(FLATTEST, Math.max(STEEPEST, aspect)));
  const clients = new Set(stage.tunnels.map((tunnel) => tunnel.here));
  const isClient = (/** @type {string} */ name) => clients.has(name);
  const regions = regionsOf(stage, named("hub"), stage.tunnels.length ? named("spoke", "router").filter(isClient) : named("spoke"));
  const clientCount = regions.reduce((sum, region) => sum + region.spokes.length, 0);
  const isCrowd = isCrowded(stage);
  if (isCrowd && regions.length === 1) {
    const [{ hubs, spokes }] = regions;
    row(places, hubs, { x: 0, y: -45 }, BETWEEN_HUBS);
    row(places, named("provider"), { x: 0, y: 50 }, 90);
    around(places, spokes, ring, Math.max(AROUND_HUBS, (hubs.length * BETWEEN_HUBS) / 2 / ring.stretch + TO_FIRST_RING));
  } else {
    row(places, named("provider"), { x: 0, y: 0 }, 90);
    const inner = HUBS * Math.max(1, Math.sqrt(clientCount / FEW));
    const all = clientCount + regions.length;
    // A single region leaves the top to its hubs, so that no spoke is in their shadow.
    const gap = regions.length === 1 ? 0.18 : 0.02;
    let before = 0;
    for (const { hubs, spokes } of regions) {
      const [from, to] = [before / all, (before + spokes.length + 1) / all];
      const middle = regions.length === 1 ? 0 : (from + to) / 2;
      row(places, hubs, ring.at(inner, middle), BETWEEN_HUBS);
      put(places, spokes, ring, from + gap, to - gap, radii(spokes.length, inner + TO_FIRST_RING, ring.length(from + gap, to - gap)));
      before += spokes.length + 1;
    }
  }
  beside(stage, places, named("spoke", "router"), TO_INNER, "outside");
  const left = named(...ROUTERS).filter((name) => !places.has(name));
  put(places, left, ring, 0, 1, radii(left.length, outermost(places, ring) + TO_FIRST_RING, ring.length(0, 1)));
  if (places.size <= MANY) beside(stage, places, named("NAT"), TO_HOST, isCrowd ? "inside" : "outside");
  if (!isCrowd) beside(stage, places, named("host"), TO_HOST, "outside");
  for (const [name, router] of folded(stage, places)) places.set(name, /** @type {Point} */ (places.get(router)));
  return places;
}

/**
 * Return whether a network has so many routers that the map leaves out all other nodes.
 * @param {Stage} stage
 */
export function isCrowded(stage) {
  return stage.nodes.filter((node) => ROUTERS.includes(node.kind)).length > CROWD;
}

/**
 * Return the nodes that have no place of their own, each with the router that it is folded into.
 * @param {Stage} stage
 * @param {Places} places
 * @returns {Map<string, string>}
 */
function folded(stage, places) {
  const kinds = new Map(stage.nodes.map((node) => [node.name, node.kind]));
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { ends } of stage.wires) {
    const router = ends.map(([name]) => name).find((name) => ROUTERS.includes(kinds.get(name) ?? "") && places.has(name));
    if (router === undefined) continue;
    for (const [name] of ends) {
      if (!places.has(name) && ["host", "NAT"].includes(kinds.get(name) ?? "")) found.set(name, router);
    }
  }
  return found;
}

/**
 * Return the router of each folded node: the node that has the same place.
 * @param {Stage} stage
 * @param {Places} places
 * @returns {Map<string, string>}
 */
export function foldsOf(stage, places) {
  let known = FOLDS.get(places);
  if (known === undefined) {
    const kinds = new Map(stage.nodes.map((node) => [node.name, node.kind]));
    /** @type {Map<Point, string>} */
    const owners = new Map();
    for (const [name, at] of places) if (ROUTERS.includes(kinds.get(name) ?? "")) owners.set(at, name);
    known = new Map();
    for (const [name, at] of places) {
      const owner = owners.get(at);
      if (owner !== undefined && owner !== name) known.set(name, owner);
    }
    FOLDS.set(places, known);
  }
  return known;
}

/** @type {WeakMap<Places, Map<string, string>>} */
const FOLDS = new WeakMap();

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
  const tall = all.height + sag(places, all.top + all.height);
  const scale = Math.min(2, (width - 40) / (all.width + 90), (height - 40) / (tall + 90));
  return { x: all.left + all.width / 2, y: all.top + tall / 2 + 8, scale };
}

/**
 * Return how far a direct tunnel between the lowest places hangs below them.
 * @param {Places} places
 * @param {number} bottom
 */
function sag(places, bottom) {
  const low = [...places.values()].filter(({ y }) => y > bottom - LOW).map(({ x }) => x);
  return low.length > 1 ? Math.max(0, BENT * (Math.max(...low) - Math.min(...low)) - LOW / 2) : 0;
}

/** An ellipse, and its length: a part of a full turn is an angle, of which 0 is up and 0.25 right. */
class Ring {
  /** @param {number} stretch width by height */
  constructor(stretch) {
    this.stretch = stretch;
    /** The length from up to each of the points, for the radius 1. */
    this.lengths = [0];
    for (let place = 1; place <= PRECISION; place += 1) {
      const [from, to] = [this.at(1, (place - 1) / PRECISION), this.at(1, place / PRECISION)];
      this.lengths.push(this.lengths[place - 1] + Math.hypot(to.x - from.x, to.y - from.y));
    }
  }

  /**
   * Return a point of the map.
   * @param {number} radius
   * @param {number} part of a full turn
   * @returns {Point}
   */
  at(radius, part) {
    const angle = (part - 0.25) * 2 * Math.PI;
    return { x: this.stretch * radius * Math.cos(angle), y: radius * Math.sin(angle) };
  }

  /**
   * Return the length between two angles, for the radius 1.
   * @param {number} from
   * @param {number} to
   */
  length(from, to) {
    return this.until(to) - this.until(from);
  }

  /** @param {number} part from 0 to 1 */
  until(part) {
    const place = Math.min(PRECISION, Math.max(0, part * PRECISION));
    const below = Math.min(PRECISION - 1, Math.floor(place));
    return this.lengths[below] + (place - below) * (this.lengths[below + 1] - this.lengths[below]);
  }

  /**
   * Return the angle at a length from up, for the radius 1.
   * @param {number} length
   */
  part(length) {
    const after = Math.max(1, this.lengths.findIndex((each) => each >= length));
    const [before, behind] = [this.lengths[after - 1], this.lengths[after]];
    return (after - 1 + (length - before) / (behind - before || 1)) / PRECISION;
  }
}

/**
 * Put spokes around hubs in the middle.
 * @param {Places} places
 * @param {string[]} names
 * @param {Ring} ring
 * @param {number} first the radius of the first ring
 */
function around(places, names, ring, first) {
  const length = ring.length(0, 1);
  const one = Math.max(first, (names.length * BETWEEN_SPOKES) / length);
  put(places, names, ring, 0, 1, names.length <= ON_ONE_RING ? [one] : radii(names.length, first, length));
}

/**
 * Return the radius of the ring that has all places inside.
 * @param {Places} places
 * @param {Ring} ring
 */
function outermost(places, ring) {
  return [...places.values()].reduce((radius, { x, y }) => Math.max(radius, Math.hypot(x / ring.stretch, y)), 0);
}

/**
 * Return the radii of the rings that have room for so many routers.
 * @param {number} count
 * @param {number} first radius
 * @param {number} length of their part of a ring of radius 1
 */
function radii(count, first, length) {
  const found = [first];
  let room = 0;
  for (;;) {
    const last = found[found.length - 1];
    room += Math.max(1, Math.floor((length * last) / BETWEEN_SPOKES));
    if (room >= count) return found;
    found.push(last + BETWEEN_RINGS);
  }
}

/**
 * Put routers on rings between two angles: each ring has as many as fit its length, in their order around the middle.
 * @param {Places} places
 * @param {string[]} names
 * @param {Ring} ring
 * @param {number} from
 * @param {number} to
 * @param {number[]} rings their radii
 */
function put(places, names, ring, from, to, rings) {
  const all = rings.reduce((sum, radius) => sum + radius, 0);
  const [begin, length] = [ring.until(from), ring.length(from, to)];
  /** @type {{radius: number, part: number}[]} */
  const slots = [];
  let [done, passed] = [0, 0];
  for (const radius of rings) {
    passed += radius;
    const count = Math.round((names.length * passed) / all) - done;
    for (let place = 0; place < count; place += 1) {
      slots.push({ radius, part: ring.part(begin + ((place + 0.5) / count) * length) });
    }
    done += count;
  }
  slots.sort((one, other) => one.part - other.part || one.radius - other.radius);
  slots.forEach(({ radius, part }, place) => places.set(names[place], ring.at(radius, part)));
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
 * Return the hubs that share spokes, with these, in the order of hubs. Without tunnels nothing says whose spoke one is.
 * @param {Stage} stage
 * @param {string[]} hubs
 * @param {string[]} routers
 */
function regionsOf(stage, hubs, routers) {
  if (stage.tunnels.length === 0) return [{ hubs, spokes: routers }];
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
 * Put nodes that have no place yet beside a neighbor that has one: away from the middle of the map, or toward it.
 * @param {Stage} stage
 * @param {Places} places
 * @param {string[]} names
 * @param {number} distance
 * @param {"inside"|"outside"} side of the neighbor
 */
function beside(stage, places, names, distance, side) {
  /** @type {Map<string, number>} */
  const taken = new Map();
  for (const name of names.filter((each) => !places.has(each))) {
    const placed = neighbors(stage, name).filter((other) => places.has(other));
    const owner = placed.find((other) => stage.nodes.some((node) => node.name === other && node.kind !== "provider"));
    const at = places.get(owner ?? placed[0] ?? "");
    if (at === undefined) continue;
    const number = taken.get(owner ?? "") ?? 0;
    taken.set(owner ?? "", number + 1);
    const outward = Math.atan2(at.y || -1, at.x) + (side === "inside" ? Math.PI : 0);
    const away = outward + (number % 2 ? -1 : 1) * Math.ceil(number / 2) * 0.7;
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
