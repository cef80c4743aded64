/**
 * The traffic of tunnels at a moment: rates, and the dots that move with them.
 *
 * @typedef {import("./film.js").Step} Step
 * @typedef {import("./state.js").State} State
 *
 * @typedef {{router: string, interface: string, nbma: string, out: number, in: number, bits_out: number,
 *   bits_in: number}} Rate packets and bits each second that a router sends to an NBMA address, and receives from there
 * @typedef {{rate: Rate, until: number}} Known until: when it is not true any more, unless it is heard again
 * @typedef {{from: string, to: string, rate: number, bits: number}} Flow packets and bits each second in one direction
 * @typedef {{from: string, to: string, part: number}} Dot part: of its way
 */

/** Dots on one way, and on the whole map: with more, a frame would take too long. */
const MOST_ON_A_WAY = 8;
export const MOST_DOTS = 1500;
/** Seconds more than it should take until a rate is heard again: events are late at times. */
const PATIENCE = 0.7;

/**
 * Change the known rates by a step.
 * @param {Map<string, Known>} rates
 * @param {Step} step
 */
export function measured(rates, step) {
  for (const [key, { until }] of rates) if (until < step.time) rates.delete(key);
  const until = step.time + (step.holds ?? 1) + PATIENCE;
  for (const rate of step.rates ?? []) rates.set(`${rate.router} ${rate.interface} ${rate.nbma}`, { rate, until });
}

/**
 * Return the rates of a router, each with the router at the other end, or "".
 * @param {State} state
 * @param {string} name "": of all routers
 * @param {number} time
 * @returns {{rate: Rate, other: string}[]}
 */
export function ratesOf(state, name, time) {
  const found = [];
  /** @type {Map<string, Map<string, string>>} by router: the router behind each NBMA address, as its NHRP cache says */
  const behind = new Map();
  for (const { rate, until } of state.rates.values()) {
    if (until < time || (name !== "" && rate.router !== name)) continue;
    let peers = behind.get(rate.router);
    if (peers === undefined) {
      peers = new Map();
      for (const { nbma, nextHop, subject } of state.routers.get(rate.router)?.mapping.values() ?? []) {
        const owner = state.owners.get(nextHop || subject);
        if (owner !== undefined && owner !== rate.router) peers.set(nbma, owner);
      }
      behind.set(rate.router, peers);
    }
    found.push({ rate, other: peers.get(rate.nbma) ?? state.owners.get(rate.nbma) ?? "" });
  }
  return found;
}

/**
 * Return the traffic between routers. Both ends count it: the larger numbers are taken.
 * @param {State} state
 * @param {number} time
 * @returns {Flow[]}
 */
export function flows(state, time) {
  /** @type {Map<string, Flow>} */
  const found = new Map();
  for (const { rate, other } of ratesOf(state, "", time)) {
    if (other === "") continue;
    for (const [from, to, packets, bits] of /** @type {[string, string, number, number][]} */ ([
      [rate.router, other, rate.out, rate.bits_out],
      [other, rate.router, rate.in, rate.bits_in],
    ])) {
      if (packets === 0) continue;
      const key = `${from} ${to}`;
      const known = found.get(key);
      const most = { rate: Math.max(packets, known?.rate ?? 0), bits: Math.max(bits, known?.bits ?? 0) };
      found.set(key, { from, to, ...most });
    }
  }
  return [...found.values()];
}

/**
 * Return bits as the number of kbit.
 * @param {number} bits
 */
export function kbit(bits) {
  return (bits / 1000).toFixed(1);
}

/**
 * Return the dots of a moment: their number and speed grow with the logarithm of the rate.
 * @param {Flow[]} some
 * @param {number} time
 * @returns {Dot[]}
 */
export function dots(some, time) {
  const most = Math.max(1, Math.min(MOST_ON_A_WAY, Math.floor(MOST_DOTS / Math.max(1, some.length))));
  /** @type {Dot[]} */
  const found = [];
  for (const { from, to, rate } of some.slice(0, MOST_DOTS)) {
    const strength = Math.log2(1 + rate);
    const count = Math.min(most, Math.max(1, Math.round(strength)));
    const speed = 0.2 + 0.05 * Math.min(strength, 16);
    for (let place = 0; place < count; place += 1) found.push({ from, to, part: (time * speed + place / count) % 1 });
  }
  return found;
}
