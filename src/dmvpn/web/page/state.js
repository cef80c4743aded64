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
 *
 * @typedef {"none"|"registering"|"registered"|"direct"|"broken"} Condition
 * @typedef {object} Tunnel between two routers, at a moment
 * @property {string} here
 * @property {string} there
 * @property {Condition} condition
 * @property {boolean} encrypted
 * @property {boolean} direct there is no next hop server at either end
 */

/** Kinds of nodes that have a state. */
const ROUTERS = new Set(["hub", "spoke", "router"]);
/** Topics that have a state. */
const TOPICS = /** @type {const} */ (["mapping", "server", "protection", "neighbor", "interface", "route"]);
/** Kinds of entries that say that a tunnel goes straight to the other end. */
const STRAIGHT = new Set(["resolved", "shortcut T1", "shortcut T2", "from a request"]);

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
  const state = { routers: new Map(), owners: new Map(), faults: new Map(), violations: [] };
  for (const node of stage.nodes) {
    if (!isRouter(node)) continue;
    state.routers.set(node.name, unknown());
    for (const address of node.addresses) state.owners.set(address, node.name);
  }
  return state;
}

/**
 * Return a copy that changes apart.
 * @param {State} state
 * @returns {State}
 */
export function copied(state) {
  /** @type {State} */
  const copy = {
    ...{ routers: new Map(), owners: new Map(state.owners) },
    ...{ faults: new Map(state.faults), violations: [...state.violations] },
  };
  for (const [name, router] of state.routers) {
    const made = unknown();
    made.alive = router.alive;
    for (const topic of TOPICS) made[topic] = new Map(router[topic]);
    copy.routers.set(name, made);
  }
  return copy;
}

/**
 * Change a state by a step.
 * @param {State} state
 * @param {Step} step
 */
export function applied(state, step) {
  if (step.type === "violation") state.violations.push(step);
  else if (step.type === "fault") broken(state, step);
  const router = state.routers.get(step.router ?? "");
  if (router === undefined) return;
  if (step.type === "addresses") {
    for (const [address, owner] of state.owners) if (owner === step.router) state.owners.delete(address);
    for (const address of step.addresses ?? []) state.owners.set(address, step.router ?? "");
  } else if (step.type === "note" && step.topic === "router") {
    if (step.sign === "+") state.routers.set(step.router ?? "", unknown());
    else router.alive = step.sign === "~";
  } else if (step.type === "note") {
    const topic = TOPICS.find((known) => known === step.topic);
    if (topic !== undefined) noted(router[topic], step);
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
function keyOf(where, subject) {
  return `${where} ${subject}`;
}

/**
 * Return the tunnels at a moment: those to next hop servers, then the direct ones.
 * @param {Stage} stage
 * @param {State} state
 * @returns {Tunnel[]}
 */
export function tunnels(stage, state) {
  /** @type {Map<string, Tunnel>} */
  const found = new Map();
  const registered = registrations(state);
  for (const { here, there } of stage.tunnels) found.set(pair(here, there), toServer(state, registered, here, there));
  for (const [name, router] of state.routers) {
    for (const entry of router.mapping.values()) {
      const other = state.owners.get(entry.nextHop);
      if (other === undefined || other === name || !STRAIGHT.has(entry.kind) || found.has(pair(name, other))) continue;
      const encrypted = isProtected(router, entry.nbma);
      found.set(pair(name, other), { here: name, there: other, condition: "direct", encrypted, direct: true });
    }
  }
  return [...found.values()];
}

/**
 * Return the NBMA address of each client at each server, by both names: one look at all entries for all tunnels.
 * @param {State} state
 * @returns {Map<string, string>}
 */
function registrations(state) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const [server, router] of state.routers) {
    for (const entry of router.mapping.values()) {
      const client = entry.kind === "registered" ? state.owners.get(entry.nextHop || entry.subject) : undefined;
      if (client !== undefined && !found.has(`${server} ${client}`)) found.set(`${server} ${client}`, entry.nbma);
    }
  }
  return found;
}

/**
 * Return the tunnel of a client to its server.
 * @param {State} state
 * @param {Map<string, string>} registered
 * @param {string} here
 * @param {string} there
 * @returns {Tunnel}
 */
function toServer(state, registered, here, there) {
  const client = state.routers.get(here);
  const server = state.routers.get(there);
  /** @type {Tunnel} */
  const made = { here, there, condition: "none", encrypted: false, direct: false };
  if (client === undefined || server === undefined) return made;
  if (!client.alive || !server.alive) return { ...made, condition: "broken" };
  const nbma = registered.get(`${there} ${here}`);
  const answers = [...client.server.values()].some((entry) => state.owners.get(entry.subject) === there);
  if (nbma === undefined && !answers) return { ...made, condition: client.mapping.size ? "registering" : "none" };
  made.condition = nbma !== undefined && answers ? "registered" : "broken";
  made.encrypted = nbma !== undefined && isProtected(server, nbma);
  return made;
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
