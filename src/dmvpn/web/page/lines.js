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
 * @property {string} [topic] of a change
 * @property {"+"|"~"|"-"} [sign]
 * @property {string} [text]
 * @property {string} [kind]
 * @property {string} [nbma]
 * @property {string} [next_hop]
 * @typedef {{router: string, lines: Line[], addresses: string[], now: number, begins: boolean, missed: number}} News
 */

/** Seconds between the two reports of one message; later the same message is a new one. */
const FLIGHT = 5;

/** Makes steps of the news of all routers of a network. */
export class Assembler {
  /** @param {Stage} stage */
  constructor(stage) {
    /** @type {Map<string, string>} the router of an address */
    this._owners = new Map();
    for (const node of stage.nodes) for (const address of node.addresses) this._owners.set(address, node.name);
    /** @type {Map<string, {step: Step, received: boolean}[]>} arrows with one end, by protocol and mark */
    this._halves = new Map();
    /** @type {Set<string>} routers that have begun */
    this._begun = new Set();
  }

  /**
   * Return the steps that are new. Arrows of earlier steps may have become complete.
   * @param {News} news
   * @returns {Step[]}
   */
  hear(news) {
    const { router } = news;
    /** @type {Step[]} */
    const steps = [];
    const began = Math.min(news.now, ...news.lines.map((line) => line.time));
    if (news.begins && this._begun.has(router)) {
      steps.push({ type: "note", time: began, router, topic: "router", sign: "+", subject: router, text: "begins again" });
    }
    this._begun.add(router);
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
   * Return that a router has gone.
   * @param {string} router
   * @param {number} time
   * @returns {Step[]}
   */
  gone(router, time) {
    return [{ type: "note", time, router, topic: "router", sign: "-", subject: router, text: "does not run" }];
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
    const place = halves.findIndex(
      (half) => half.received !== received && Math.abs(half.step.time - line.time) <= FLIGHT && end(half) !== router,
    );
    if (place >= 0) {
      const [{ step }] = halves.splice(place, 1);
      if (halves.length === 0) this._halves.delete(key);
      step[received ? "receiver" : "sender"] = router;
      step.arrived = true;
      return null;
    }
    const other = this._owners.get(line.peer ?? "") ?? line.peer ?? "";
    const { time, protocol, name, subject } = line;
    /** @type {Step} */
    const step = { type: "arrow", time, protocol, name, subject, sender: router, receiver: other };
    if (received) [step.sender, step.receiver] = [other, router];
    step.forwarded = line.way === "forwarded";
    // Only a router whose news come here can say that it received something.
    step.arrived = received || !this._owners.has(line.peer ?? "");
    if (line.mark) this._halves.set(key, [...halves.slice(-8), { step, received }]);
    return step;
  }
}

/** @param {{step: Step, received: boolean}} half */
function end(half) {
  return half.received ? half.step.receiver : half.step.sender;
}
