/**
 * Clusters: where a map is so small that routers would cover each other, routers that are close together become one
 * symbol with their number and their worst condition, and tunnels between the same two symbols one line. Hubs stay.
 *
 * @typedef {import("./layout.js").Places} Places
 * @typedef {import("./layout.js").Point} Point
 * @typedef {import("./state.js").Condition} Condition
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Tunnel} Tunnel
 *
 * @typedef {object} Cluster
 * @property {Point} at the middle of its routers
 * @property {string[]} members
 * @property {Condition} worst of its routers
 * @property {number} count of the routers in the worst condition
 * @typedef {{from: Point, to: Point, condition: Condition, direct: boolean, count: number}} Bundle tunnels in one
 *   condition between the same two symbols
 * @typedef {{clusters: Cluster[], of: Map<string, Cluster>, bundles: Bundle[]}} Clustering of: by router; a router that
 *   is not in it is drawn by itself
 */

/** Pixels for each unit below which routers cover each other. */
export const CLUSTERS_BELOW = 0.17;
/** Pixels between the middles of two clusters, at least. */
const APART = 40;
/** Fewer routers than these are no crowd. */
const FEW = 60;
/** The worst first. A router without a server has no condition, which is better than a router without an answer. */
const WORST = /** @type {const} */ (["broken", "registering", "none", "unknown", "registered"]);

/**
 * Return the clusters of a map, or null if all of its routers have room.
 * @param {import("./film.js").Stage} stage
 * @param {Places} places
 * @param {State} state
 * @param {Tunnel[]} tunnels
 * @param {number} scale pixels for each unit
 * @param {Set<string>} alone routers that are to be seen by themselves
 * @returns {Clustering|null}
 */
export function clustered(stage, places, state, tunnels, scale, alone = new Set()) {
  if (scale >= CLUSTERS_BELOW || state.routers.size < FEW) return null;
  const names = stage.nodes
    .filter((node) => node.kind !== "hub" && state.routers.has(node.name) && places.has(node.name) && !alone.has(node.name))
    .map((node) => node.name);
  const conditions = conditionOfEach(state, tunnels);
  const clusters = groups(names, places, reach(scale)).map((members) => cluster(members, places, conditions));
  const of = new Map(clusters.flatMap((each) => each.members.map((name) => /** @type {const} */ ([name, each]))));
  return { clusters, of, bundles: bundlesOf(tunnels, places, of) };
}

/**
 * Return the distance of clusters in units of the map. It doubles, so that clusters stay as they are while a user zooms
 * a little.
 * @param {number} scale
 */
export function reach(scale) {
  return 2 ** Math.ceil(Math.log2(APART / scale));
}

/**
 * Return the cluster at a point of the map, or null.
 * @param {Clustering|null} clustering
 * @param {Point} point
 * @param {number} scale
 */
export function clusterAt(clustering, point, scale) {
  const near = clustering?.clusters.find(({ at, members }) => Math.hypot(at.x - point.x, at.y - point.y) <= radius(members.length) / scale);
  return near ?? null;
}

/**
 * Return the radius of the symbol of a cluster in pixels.
 * @param {number} count of its routers
 */
export function radius(count) {
  return 9 + 1.4 * Math.log2(count);
}

/**
 * Put routers that are close together into groups of two and more: by the squares of a grid, and those of neighboring
 * squares together if their middles are too close.
 * @param {string[]} names
 * @param {Places} places
 * @param {number} distance
 * @returns {string[][]}
 */
function groups(names, places, distance) {
  /** @type {Map<string, string[]>} */
  const squares = new Map();
  for (const name of names) {
    const { x, y } = /** @type {Point} */ (places.get(name));
    const key = `${Math.floor(x / distance)} ${Math.floor(y / distance)}`;
    const square = squares.get(key);
    if (square === undefined) squares.set(key, [name]);
    else square.push(name);
  }
  /** @type {{at: Point, members: string[]}[]} */
  const found = [];
  for (const members of squares.values()) {
    const at = middle(members, places);
    const near = found.find((other) => Math.hypot(other.at.x - at.x, other.at.y - at.y) < distance * 0.85);
    if (near === undefined) found.push({ at, members });
    else {
      near.members.push(...members);
      near.at = middle(near.members, places);
    }
  }
  return found.map(({ members }) => members).filter((members) => members.length > 1);
}

/**
 * @param {string[]} members
 * @param {Places} places
 * @returns {Point}
 */
function middle(members, places) {
  let [x, y] = [0, 0];
  for (const name of members) {
    const at = /** @type {Point} */ (places.get(name));
    x += at.x / members.length;
    y += at.y / members.length;
  }
  return { x, y };
}

/**
 * @param {string[]} members
 * @param {Places} places
 * @param {Map<string, Condition>} conditions
 * @returns {Cluster}
 */
function cluster(members, places, conditions) {
  const all = members.map((name) => conditions.get(name) ?? "none");
  const worst = WORST.find((condition) => all.includes(condition)) ?? "none";
  return { at: middle(members, places), members, worst, count: all.filter((condition) => condition === worst).length };
}

/**
 * Return the worst condition of each router's tunnels to its servers. A router that does not run is broken.
 * @param {State} state
 * @param {Tunnel[]} tunnels
 * @returns {Map<string, Condition>}
 */
function conditionOfEach(state, tunnels) {
  /** @type {Map<string, Condition>} */
  const found = new Map();
  for (const { here, condition, direct } of tunnels) {
    if (direct) continue;
    const before = found.get(here);
    if (before === undefined || rank(condition) < rank(before)) found.set(here, condition);
  }
  for (const [name, router] of state.routers) if (!router.alive) found.set(name, "broken");
  return found;
}

/** @param {Condition} condition */
function rank(condition) {
  return WORST.findIndex((each) => each === condition);
}

/**
 * Return tunnels as lines between symbols. Those inside of a cluster are no lines.
 * @param {Tunnel[]} tunnels
 * @param {Places} places
 * @param {Map<string, Cluster>} of
 * @returns {Bundle[]}
 */
function bundlesOf(tunnels, places, of) {
  /** @type {Map<string, Bundle>} */
  const found = new Map();
  for (const { here, there, condition, direct } of tunnels) {
    const [one, other] = [of.get(here), of.get(there)];
    const [from, to] = [one?.at ?? places.get(here), other?.at ?? places.get(there)];
    if (from === undefined || to === undefined || (one !== undefined && one === other)) continue;
    const [first, second] = [one?.members[0] ?? here, other?.members[0] ?? there];
    const ends = first < second ? `${first} ${second}` : `${second} ${first}`;
    const key = `${condition} ${direct} ${ends}`;
    const bundle = found.get(key);
    if (bundle === undefined) found.set(key, { from, to, condition, direct, count: 1 });
    else bundle.count += 1;
  }
  return [...found.values()];
}

/** The clusters on the screen: they are made again only when something happens, or the map is zoomed or laid out again. */
export class Clusters {
  constructor() {
    /** @type {Tunnel[]} */
    this.tunnels = [];
    /** @type {Places|null} */
    this.places = null;
    this.key = "";
    /** @type {Clustering|null} */
    this.made = null;
  }

  /**
   * @param {{stage: import("./film.js").Stage, places: Places, state: State, tunnels: Tunnel[]}} scene its tunnels are
   *   another array whenever something has happened, and its places another map in each layout
   * @param {number} scale
   * @param {Set<string>} alone
   * @returns {Clustering|null}
   */
  of({ stage, places, state, tunnels }, scale, alone) {
    const key = [scale < CLUSTERS_BELOW, reach(scale), ...alone].join(" ");
    const isSame = key === this.key && tunnels === this.tunnels && places === this.places;
    if (!isSame) this.made = clustered(stage, places, state, tunnels, scale, alone);
    Object.assign(this, { key, tunnels, places });
    return this.made;
  }
}
