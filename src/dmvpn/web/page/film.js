/**
 * A film: a network and what happened in it, in the order of time. The state at a moment is a function of both, so a lab
 * that runs, a recording and an exported file are played alike.
 *
 * @typedef {{name: string, kind: string, addresses: string[]}} StageNode kind: hub, spoke, router, provider, NAT, host
 * @typedef {{ends: [string, string][]}} StageWire each end is a node and its port
 * @typedef {{here: string, there: string, cloud: string}} StageTunnel here: the client; there: its server
 * @typedef {{title: string, nodes: StageNode[], wires: StageWire[], tunnels: StageTunnel[]}} Stage
 *
 * @typedef {object} Step time: seconds since 1970
 * @property {"note"|"arrow"|"addresses"|"fault"|"violation"|"traffic"} type fault and violation are of a judged run
 * @property {number} time
 * @property {string} [router] of a note or fault: where
 * @property {"+"|"~"|"-"} [sign] of a note: it came, changed, went; of a fault: it begins, lasts a moment, ends
 * @property {string} [topic] of a note: mapping, server, protection, neighbor, interface, route, configuration, router
 * @property {string} [subject]
 * @property {string} [text]
 * @property {string} [interface]
 * @property {string} [kind] of a mapping or fault
 * @property {string} [nbma] of a mapping
 * @property {string} [next_hop] of a mapping
 * @property {string} [sender] of an arrow
 * @property {string} [receiver] of an arrow
 * @property {string} [protocol] of an arrow
 * @property {string} [name] of an arrow; of a violation: the rule
 * @property {boolean} [arrived] of an arrow: its receiver has reported it, or reports nothing at all
 * @property {boolean} [lost] of an arrow: it never arrives (`fates.js`)
 * @property {boolean} [absent] of an arrow: its receiver had not begun when it was sent
 * @property {boolean} [forwarded] of an arrow
 * @property {string} [exchange] of an arrow: equal for a request and its reply
 * @property {string} [contents] of an arrow: its fields, each as a line "Name: value"
 * @property {string} [octets] of an arrow, hexadecimal
 * @property {number} [holds] of traffic: seconds for which its rates are true
 * @property {import("./traffic.js").Rate[]} [rates] of traffic
 * @property {string[]} [addresses] that a router has from now on
 * @property {string} [other] of a fault between two routers: the second one
 * @property {string} [badge] of a fault: a few letters for the map
 * @property {[string, string][]} [wire] of a fault of a wire: its ends, each a node and its port
 * @property {[string, string][]} [path] from node to node: of a violation, the parts of the way of its packet; of a
 *   fault between two sites, the ways that packets do not pass
 */

import { applied, begin, copied } from "./state.js";

/** @typedef {import("./state.js").State} State */

/** After how many steps a state is kept from which later ones are computed. */
const APART = 256;
/** Steps that a film of a running lab keeps: the first ones become its beginning. */
export const MOST_LIVE = 100_000;

/** A film that grows. */
export class Film {
  /**
   * @param {Stage} stage
   * @param {number} most steps that are kept
   */
  constructor(stage, most = Infinity) {
    this.stage = stage;
    this.most = most;
    /** Earlier steps are part of the beginning. */
    this.begins = -Infinity;
    /** @type {Step[]} */
    this.steps = [];
    /** A number that grows when steps change that are here already. */
    this.revision = 0;
    /** @type {State[]} before the steps 0, APART, 2 * APART ... */
    this._kept = [begin(stage)];
    /** @type {{count: number, state: State}} */
    this._last = { count: 0, state: begin(stage) };
  }

  /**
   * Take the network as it is known now. Its routers are the same.
   * @param {Stage} stage
   */
  restage(stage) {
    // A user may have chosen one of the wires: they stay the same objects if they can.
    const isSame = JSON.stringify(stage.wires) === JSON.stringify(this.stage.wires);
    Object.assign(this.stage, stage, isSame ? { wires: this.stage.wires } : {});
    if (this.steps.length > 0 || this.begins > -Infinity) return;
    this._kept = [begin(this.stage)];
    this._last = { count: 0, state: begin(this.stage) };
  }

  /** The time of the first and the last step; both NaN without a step. */
  get span() {
    const { steps } = this;
    return { first: steps.length ? steps[0].time : NaN, last: steps.length ? steps[steps.length - 1].time : NaN };
  }

  /**
   * Add steps. Steps that come late are put at their place.
   * @param {Step[]} fresh
   */
  add(fresh) {
    const { steps } = this;
    const early = fresh.filter((step) => step.time < this.begins);
    const later = fresh.filter((step) => step.time >= this.begins);
    const place = this.count(later.reduce((time, step) => Math.min(time, step.time), Infinity));
    const tail = steps.splice(place).concat(later);
    tail.sort((one, other) => one.time - other.time);
    for (const step of tail) steps.push(step);
    for (const step of early) applied(this._kept[0], step);
    this._forget(early.length > 0 ? -1 : place);
    if (steps.length > this.most) this._cut(Math.ceil((steps.length - this.most * 0.9) / APART) * APART);
  }

  /**
   * Return how many steps are not later than a moment.
   * @param {number} time
   */
  count(time) {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle].time <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Return the state at a moment. It is not to be changed, and is valid until the next call.
   * @param {number} time
   * @returns {State}
   */
  at(time) {
    return this._after(this.count(time));
  }

  /**
   * @param {number} count of steps
   * @returns {State}
   */
  _after(count) {
    let { count: done, state } = this._last;
    if (done > count || count - done > APART) {
      const which = Math.min(Math.floor(count / APART), this._kept.length - 1);
      done = which * APART;
      state = copied(this._kept[which]);
    }
    for (; done < count; done += 1) {
      applied(state, this.steps[done]);
      if ((done + 1) % APART === 0 && (done + 1) / APART === this._kept.length) this._kept.push(copied(state));
    }
    this._last = { count, state };
    return state;
  }

  /** @param {number} from states after more steps than these are not valid any more; -1: none is but the beginning */
  _forget(from) {
    this._kept.length = Math.min(this._kept.length, Math.floor(Math.max(0, from) / APART) + 1);
    if (this._last.count > from) {
      const which = this._kept.length - 1;
      this._last = { count: which * APART, state: copied(this._kept[which]) };
    }
  }

  /** @param {number} count of first steps that become the beginning; a multiple of APART */
  _cut(count) {
    const begins = copied(this._after(count));
    this.begins = this.steps[count - 1].time;
    this.steps.splice(0, count);
    this._kept = [begins];
    this._last = { count: 0, state: copied(begins) };
  }
}
