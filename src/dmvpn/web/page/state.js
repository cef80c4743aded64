/**
 * The state of a network at a moment: what each router knows, and the tunnels that follow from it.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").Step} Step
 *
 * @typedef {{subject: string, kind: string, nbma: string, nextHop: string, text: string, interface: string,
 *   since: number}} Entry
 * @typedef {object} RouterState each map is by interface and subject
 * @property {boolean} alive
 * @property {Map<string, Entry>} mapping entries of the NHRP cache
 * @property {Map<string, Entry>} server next hop servers that answer
 * @property {Map<string, Entry>} protection SAs, by NBMA address of the other end
 * @property {Map<string, Entry>} neighbor of routing protocols
 * @property {Map<string, Entry>} interface
 * @property {Map<string, Entry>} route
 * @typedef {object} State
 * @property {Map<string, RouterState>} routers
 * @property {Map<string, string>} owners of addresses
 * @property {Map<string, Step>} faults that last, by their kind and place
 * @property {Step[]} violations so far
 * @property {Map<string, import("./traffic.js").Known>} rates of traffic, by router, tunnel and NBMA address
 * @property {Set<string>} own what no copy shares and may be changed: "owners", "ROUTER", "ROUTER TOPIC"
 *
 * @typedef {"none"|"registering"|"registered"|"direct"|"broken"|"unknown"} Condition unknown: not all is known of its ends
 * @typedef {object} Tunnel between two routers, at a moment
 * @property {string} here
 * @property {string} there
 * @property {Condition} condition
 * @property {boolean} encrypted
 * @property {boolean} direct there is no next hop server at either end
 * @property {boolean} [settles] only one end has reported it so far: soon it is known what it is
 */

import { ByAddress } from "./addresses.js";
import { measured } from "./traffic.js";

/** Kinds of nodes that have a state. */
const ROUTERS = new Set(["hub", "spoke", "router"]);
/** Topics that have a state. */
const TOPICS = /** @type {const} */ (["mapping", "server", "protection", "neighbor", "interface", "route"]);
/** Seconds for which the two ends of a registration may know different things: their reports come one after the other. */
const SETTLES = 3;
/** Kinds of entries that say that a tunnel goes straight to the other end. */
const STRAIGHT = new Set(["resolved", "shortcut T1", "shortcut T2", "from a request"]);
/** Conditions of a tunnel to a server that carries several networks, as one of each version of IP: the first one counts. */
const WORST = ["unknown", "broken", "registering", "none", "registered"];

/**
 * Return whether a node is a router of the network, not of the provider.
 * @param {import("./film.js").StageNode} node
 */
export function isRouter(node) {
  return ROUTERS.has(node.kind);
}

/** @returns {RouterState} */
function unknown() {
  return {
    alive: true,
    mapping: new Map(),
    server: new Map(),
    protection: new Map(),
    neighbor: new Map(),
    interface: new Map(),
    route: new Map(),
  };
}

/**
 * Return the state of a network before anything has happened.
 * @param {Stage} stage
 * @returns {State}
 */
export function begin(stage) {
  /** @type {State} */
  const state = {
    ...{ routers: new Map(), owners: new ByAddress(), faults: new Map(), violations: [] },
    ...{ rates: new Map(), own: new Set() },
  };
  for (const node of stage.nodes) {
    if (!isRouter(node)) continue;
    state.routers.set(node.name, unknown());
    for (const address of node.addresses) state.owners.set(address, node.name);
  }
  return state;
}

/**
 * Return a copy that changes apart. Both share the maps of all routers until one of them changes: a film of thousands of
 * routers keeps hundreds of states, and between two of them few routers change.
 * @param {State} state
 * @returns {State}
 */
export function copied(state) {
  state.own.clear();
  return {
    ...{ routers: new Map(state.routers), owners: state.owners, own: new Set() },
    ...{ faults: new Map(state.faults), violations: [...state.violations] },
    rates: new Map(state.rates),
  };
}

/**
 * Return a router that may be changed; its maps may not.
 * @param {State} state
 * @param {string} name of a router that has a state
 * @returns {RouterState}
 */
function ownRouter(state, name) {
  const router = /** @type {RouterState} */ (state.routers.get(name));
  if (state.own.has(name)) return router;
  const made = { ...router };
  state.own.add(name);
  state.routers.set(name, made);
  return made;
}

/**
 * Return a map of a router that may be changed.
 * @param {State} state
 * @param {string} name of a router that has a state
 * @param {typeof TOPICS[number]} topic
 * @returns {Map<string, Entry>}
 */
function ownEntries(state, name, topic) {
  const router = ownRouter(state, name);
  const key = `${name} ${topic}`;
  if (!state.own.has(key)) {
    state.own.add(key);
    router[topic] = new Map(router[topic]);
  }
  return router[topic];
}

/**
 * Give a router addresses in place of its old ones.
 * @param {State} state
 * @param {string} name
 * @param {string[]} addresses
 */
function moved(state, name, addresses) {
  if (!state.own.has("owners")) state.owners = new ByAddress(state.owners);
  state.own.add("owners");
  for (const [address, owner] of state.owners) if (owner === name) state.owners.delete(address);
  for (const address of addresses) state.owners.set(address, name);
}

/**
 * Change a state by a step.
 * @param {State} state
 * @param {Step} step
 */
export function applied(state, step) {
  if (step.type === "violation") state.violations.push(step);
  else if (step.type === "fault") broken(state, step);
  else if (step.type === "traffic") measured(state.rates, step);
  const name = step.router ?? "";
  if (!state.routers.has(name)) return;
  if (step.type === "addresses") moved(state, name, step.addresses ?? []);
  else if (step.type === "note" && step.topic === "router") {
    if (step.sign === "+") state.routers.set(name, unknown());
    else ownRouter(state, name).alive = step.sign === "~";
  } else if (step.type === "note") {
    const topic = TOPICS.find((known) => known === step.topic);
    if (topic !== undefined) noted(ownEntries(state, name, topic), step);
  }
}

/**
 * @param {State} state
 * @param {Step} step a fault
 */
function broken(state, step) {
  const key = [step.kind, step.router, step.other].join(" ");
  if (step.sign === "+") state.faults.set(key, step);
  else if (step.sign === "-") state.faults.delete(key);
}

/**
 * @param {Map<string, Entry>} entries
 * @param {Step} step
 */
function noted(entries, step) {
  const { subject = "", kind = "", nbma = "", text = "", interface: where = "", next_hop: nextHop = "", time } = step;
  if (step.sign === "-") entries.delete(keyOf(where, subject));
  else entries.set(keyOf(where, subject), { subject, kind, nbma, nextHop, text, interface: where, since: time });
}

/**
 * Return the key of an entry.
 * @param {string} where
 * @param {string} subject
 */
export function keyOf(where, subject) {
  return `${where} ${subject}`;
}

/**
 * Return the tunnels at a moment: those to next hop servers, then the direct ones.
 * @param {Stage} stage
 * @param {State} state
 * @param {{time?: number, loading?: Set<string>}} known time: the moment, while a lab runs; loading: routers of which
 *   not all is known yet
 * @returns {Tunnel[]}
 */
export function tunnels(stage, state, { time = Infinity, loading = new Set() } = {}) {
  /** @type {Map<string, Tunnel>} */
  const found = new Map();
  const registered = registrations(state);
  for (const { here, there, cloud } of stage.tunnels) {
    const isKnown = !loading.has(here) && !loading.has(there);
    const made = isKnown ? toServer(state, registered, { here, there, mark: markOf(cloud) }, time) : between(here, there, "unknown");
    const before = found.get(pair(here, there));
    if (!before || WORST.indexOf(made.condition) <= WORST.indexOf(before.condition)) found.set(pair(here, there), made);
  }
  for (const [name, router] of state.routers) {
    if (loading.has(name)) continue;
    for (const entry of router.mapping.values()) {
      const other = state.owners.get(entry.nextHop);
      if (other === undefined || other === name || !STRAIGHT.has(entry.kind) || found.has(pair(name, other))) continue;
      const encrypted = isProtected(router, entry.nbma);
      found.set(pair(name, other), { ...between(name, other, "direct"), encrypted, direct: true });
    }
  }
  return [...found.values()];
}

/**
 * @param {string} here
 * @param {string} there
 * @param {Condition} condition
 * @returns {Tunnel}
 */
function between(here, there, condition) {
  return { here, there, condition, encrypted: false, direct: false };
}

/**
 * Return the letter that each address of a prefix's version of IP has, and none of the other version; "": no prefix.
 * @param {string} prefix
 */
function markOf(prefix) {
  return [":", "."].find((mark) => prefix.includes(mark)) ?? "";
}

/**
 * Return the entry of each client at each server, by both names and the version's mark: one look at all entries for all
 * tunnels.
 * @param {State} state
 * @returns {Map<string, Entry>}
 */
function registrations(state) {
  /** @type {Map<string, Entry>} */
  const found = new Map();
  for (const [server, router] of state.routers) {
    for (const entry of router.mapping.values()) {
      const address = entry.nextHop || entry.subject;
      const client = entry.kind === "registered" ? state.owners.get(address) : undefined;
      if (client === undefined) continue;
      const key = `${server} ${client} ${markOf(address)}`;
      if (!found.has(key)) found.set(key, entry);
    }
  }
  return found;
}

/**
 * Return the tunnel of a client to its server, in the network of one version of IP.
 * @param {State} state
 * @param {Map<string, Entry>} registered
 * @param {{here: string, there: string, mark: string}} ends mark: of the version; "": of any
 * @param {number} time
 * @returns {Tunnel}
 */
function toServer(state, registered, { here, there, mark }, time) {
  const client = state.routers.get(here);
  const server = state.routers.get(there);
  if (client === undefined || server === undefined) return between(here, there, "none");
  if (!client.alive || !server.alive) return between(here, there, "broken");
  const registration = registered.get(`${there} ${here} ${mark || "."}`) ?? registered.get(`${there} ${here} ${mark || ":"}`);
  const answer = [...client.server.values()].find(({ subject }) => subject.includes(mark) && state.owners.get(subject) === there);
  if (registration === undefined && answer === undefined) return between(here, there, client.mapping.size ? "registering" : "none");
  const encrypted = registration !== undefined && isProtected(server, registration.nbma);
  if (registration !== undefined && answer !== undefined) return { ...between(here, there, "registered"), encrypted };
  const settles = time - (registration ?? answer ?? { since: 0 }).since < SETTLES;
  return { ...between(here, there, settles ? "registering" : "broken"), encrypted, settles };
}

/**
 * @param {RouterState} router
 * @param {string} nbma
 */
function isProtected(router, nbma) {
  return router.protection.has(keyOf("", nbma));
}

/**
 * Return a key that does not depend on the order of two routers.
 * @param {string} here
 * @param {string} there
 */
function pair(here, there) {
  return here < there ? `${here} ${there}` : `${there} ${here}`;
}
