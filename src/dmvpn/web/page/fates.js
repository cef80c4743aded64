/**
 * What became of messages that no receiver has reported. One is lost if its receiver ran with its tunnel up when it was
 * sent, or if nothing came back within the time of its retries. A message sent before its receiver had begun is
 * neither lost nor received: spokes that begin before their hub are no fault.
 *
 * @typedef {import("./film.js").Film} Film
 * @typedef {import("./film.js").Step} Step
 */

/** Seconds after which the other end of a message has reported it, while a lab runs. */
const LATE = 2;
/** Seconds of retries: of a registration they are after 1, 3 and 7 s. */
const RETRIES = 10;

/** Decides about the messages of a film. */
export class Fates {
  /** @param {Film} film */
  constructor(film) {
    this.film = film;
    /** @type {Set<string>} routers that have not reported all yet: what became of messages to them is unknown */
    this.loading = new Set();
    this.read = -1;
    /** @type {Map<string, {time: number, there: boolean}[]>} of each router, in the order of time */
    this.presence = new Map();
  }

  /**
   * Write down what became of messages: `lost`, `absent`.
   * @param {Step[]} steps
   * @param {number} now the last moment of which anything can be known
   */
  judge(steps, now) {
    for (const step of steps) {
      if (step.type !== "arrow") continue;
      step.absent = step.lost = false;
      if (step.arrived !== false || now - step.time < LATE || this.loading.has(step.receiver ?? "")) continue;
      const isThere = this.wasThere(step.receiver ?? "", step.time);
      step.lost = isThere || (now - step.time >= RETRIES && !this.isAnswered(step));
      step.absent = !step.lost;
    }
  }

  /**
   * Return whether a router ran at a time, with a tunnel that was up; true if nothing says so or otherwise.
   * @param {string} router
   * @param {number} time
   */
  wasThere(router, time) {
    if (this.read !== this.film.steps.length) this.follow();
    let there = true;
    for (const change of this.presence.get(router) ?? []) {
      if (change.time >= time) break; // in a simulated lab all routers begin at one instant
      there = change.there;
    }
    return there;
  }

  /** Read all changes of routers and of their tunnels. */
  follow() {
    const { steps } = this.film;
    this.read = steps.length;
    this.presence = new Map();
    /** @type {Map<string, {alive: boolean, up: Map<string, boolean>}>} */
    const now = new Map();
    for (const step of steps) {
      if (step.type !== "note" || step.router === undefined) continue;
      const isTunnel = step.topic === "interface" && (step.subject ?? "").startsWith("Tunnel");
      if (step.topic !== "router" && !isTunnel) continue;
      const known = now.get(step.router) ?? { alive: true, up: new Map() };
      now.set(step.router, known);
      if (!isTunnel) {
        known.alive = step.sign !== "-";
        if (step.sign === "+") known.up.clear();
      } else if (step.sign === "-") known.up.delete(step.subject ?? "");
      else if (step.text === "up" || step.sign === "+" || step.text?.startsWith("down")) {
        known.up.set(step.subject ?? "", step.text === "up");
      }
      const there = known.alive && (known.up.size === 0 || [...known.up.values()].includes(true));
      const changes = this.presence.get(step.router);
      // Before the first thing that a router reports of itself it had not begun; where that is forgotten, the first
      // change that is left shows the state before it.
      const before = { time: -Infinity, there: this.film.begins > -Infinity && !there };
      if (changes === undefined) this.presence.set(step.router, [before, { time: step.time, there }]);
      else changes.push({ time: step.time, there });
    }
  }

  /**
   * Return whether the receiver of a message sent anything back in time.
   * @param {Step} step
   */
  isAnswered({ time, sender, receiver }) {
    const { steps } = this.film;
    for (let place = this.film.count(time); place < steps.length && steps[place].time <= time + RETRIES; place += 1) {
      const { type, sender: from, receiver: to } = steps[place];
      if (type === "arrow" && from === receiver && to === sender) return true;
    }
    return false;
  }
}
