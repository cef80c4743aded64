/**
 * The news of routers become steps: a message that one router sent and another received is one arrow. An arrow is there
 * as soon as one end has reported it; the report of the other end completes it.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").Step} Step
 * @typedef {object} Line of a router's history, as `base/chronicle.py` writes it
 * @property {number} time
 * @property {string} subject
 * @property {string} interface
 * @property {string} [way] of a message: sent, forwarded, received
 * @property {string} [protocol]
 * @property {string} [name]
 * @property {string} [peer]
 * @property {string} [mark] equal at both ends of a message
 * @property {string} [exchange] equal for a request and its reply
 * @property {string} [contents] the fields of a message, each as a line "Name: value"
 * @property {string} [octets] of a message, hexadecimal
 * @property {string} [topic] of a change
 * @property {"+"|"~"|"-"} [sign]
 * @property {string} [text]
 * @property {string} [kind]
 * @property {string} [nbma]
 * @property {string} [next_hop]
 * @typedef {{router: string, lines: Line[], addresses: string[], now: number, begins: boolean, missed: number,
 *   more?: boolean}} News more: it has further lines of the past, which follow
 * @typedef {{router: string, now: number, gone: true, why?: string}} Gone a router that does not run, or cannot be followed
 */

import { ByAddress } from "./addresses.js";

/** Seconds between the two reports of one message; later the same message is a new one. */
const FLIGHT = 5;
/** Messages whose other end is awaited: a router has forgotten most of the ends that are never reported. */
const MOST_HALVES = 20_000;

/** Makes steps of the news of all routers of a network. */
export class Assembler {
  /** @param {Stage} stage */
  constructor(stage) {
    /** @type {Map<string, string>} the router of an address */
    this._owners = new ByAddress();
    this.restage(stage);
    /** @type {Map<string, {step: Step, received: boolean}[]>} arrows with one end, by protocol and mark */
    this._halves = new Map();
    /** @type {Map<string, {step: Step, sent: number}>} received arrows to which the news that are read gave a sender */
    this._completed = new Map();
    /** @type {Map<string, boolean>} the routers that were heard, and whether each runs */
    this._lives = new Map();
    /** How many arrows of earlier steps were completed. */
    this.completed = 0;
  }

  /**
   * Take the addresses of a network that is known better now.
   * @param {Stage} stage
   */
  restage(stage) {
    for (const node of stage.nodes) for (const address of node.addresses) this._owners.set(address, node.name);
  }

  /**
   * Return the steps that are new. Arrows of earlier steps may have become complete.
   * @param {News|Gone} news
   * @returns {Step[]}
   */
  hear(news) {
    const { router } = news;
    this._completed.clear();
    if ("gone" in news) {
      this._lives.set(router, false);
      return [about(router, news.now, "-", news.why ?? "not running")];
    }
    /** @type {Step[]} */
    const steps = [];
    const began = news.lines.reduce((time, line) => Math.min(time, line.time), news.now);
    const lived = this._lives.get(router);
    if (news.begins && lived !== undefined) steps.push(about(router, began, "+", "restarted"));
    else if (lived === false) steps.push(about(router, began, "~", "responds again"));
    this._lives.set(router, true);
    if (news.addresses.length) {
      for (const address of news.addresses) this._owners.set(address, router);
      steps.push({ type: "addresses", time: began, router, addresses: news.addresses });
    }
    for (const line of news.lines) {
      const step = line.way === undefined ? { ...line, type: /** @type {const} */ ("note"), router } : this._arrow(router, line);
      if (step !== null) steps.push(step);
    }
    return steps;
  }

  /**
   * @param {string} router
   * @param {Line} line
   * @returns {Step|null} null: it completes an arrow
   */
  _arrow(router, line) {
    const key = `${line.protocol} ${line.mark}`;
    const received = line.way === "received";
    const halves = line.mark ? (this._halves.get(key) ?? []) : [];
    const distance = (/** @type {{step: Step}} */ half) => Math.abs(half.step.time - line.time);
    // A message that was sent again has the same mark: its last sending is what arrived.
    const [half] = halves
      .filter((one) => one.received !== received && distance(one) <= FLIGHT && end(one) !== router)
      .sort((one, two) => distance(one) - distance(two));
    if (half !== undefined) {
      const { step } = half;
      halves.splice(halves.indexOf(half), 1);
      if (halves.length === 0) this._halves.delete(key);
      if (half.received) this._completed.set(key, { step, sent: line.time });
      step[received ? "receiver" : "sender"] = router;
      step.arrived = true;
      step.contents ??= line.contents;
      step.octets ??= line.octets;
      this.completed += 1;
      return null;
    }
    let { time } = line;
    const earlier = received ? undefined : this._completed.get(key);
    if (earlier !== undefined && distance(earlier) < Math.abs(earlier.step.time - earlier.sent)) {
      [time, earlier.sent] = [earlier.sent, time];
    }
    const other = this._owners.get(line.peer ?? "") ?? line.peer ?? "";
    const { protocol, name, subject, exchange, contents, octets } = line;
    /** @type {Step} */
    const step = { type: "arrow", time, protocol, name, subject, exchange, contents, octets, sender: router, receiver: other };
    if (received) [step.sender, step.receiver] = [other, router];
    step.forwarded = line.way === "forwarded";
    // Only a router whose news come here can say that it received something.
    step.arrived = received || !this._owners.has(line.peer ?? "");
    if (line.mark) this._halves.set(key, [...halves.slice(-8), { step, received }]);
    const [oldest] = this._halves.keys();
    if (this._halves.size > MOST_HALVES) this._halves.delete(oldest);
    return step;
  }
}

/**
 * Return a step about a router itself.
 * @param {string} router
 * @param {number} time
 * @param {"+"|"~"|"-"} sign
 * @param {string} text
 * @returns {Step}
 */
function about(router, time, sign, text) {
  return { type: "note", time, router, topic: "router", sign, subject: router, text };
}

/** @param {{step: Step, received: boolean}} half */
function end(half) {
  return half.received ? half.step.receiver : half.step.sender;
}
