/**
 * The actions of a user on a lab: open a terminal, kill and start a router, ping and traceroute from a router or a host,
 * cut, impair and capture a wire. Each is a request of the API, for roles that may send it; the answer, or the refusal, is shown.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageWire} StageWire
 * @typedef {import("./wires.js").Wiring} Wiring
 */

import { agreed } from "./asking.js";
import { capturing } from "./capture.js";
import { byId, element, plain, save } from "./dom.js";
import { ask, door, pause, post } from "./feed.js";
import { impairment } from "./impairment.js";
import { ended } from "./jobs.js";
import { Probe } from "./probe.js";
import { described, linkOf, named } from "./wires.js";

/** Milliseconds between two looks at the state of the wires. */
const LOOK = 5000;
/** The panel. */
export class Actions {
  /**
   * @param {string} path of the lab in the API
   * @param {Stage} stage
   * @param {{open: (router: string) => void, choose: (wire: StageWire) => void}} doors open: a terminal
   */
  constructor(path, stage, doors) {
    this.path = path;
    this.stage = stage;
    this.doors = doors;
    this.role = "view";
    /** @type {Wiring} */
    this.wiring = { links: [], impaired: {} };
    /** @type {Map<string, boolean>} whether each router runs, those of the provider included */
    this.routers = new Map();
    /** @type {Set<string>} the hosts of the lab */
    this.hosts = new Set();
    /** @type {Probe|null} the form for ping and traceroute that is on the screen */
    this.probe = null;
    /** @type {Map<StageWire, string>} the impairments of wires */
    this.bad = new Map();
    /** @type {Map<string, HTMLElement>} the captures of wires, which go on while something else is shown */
    this.captures = new Map();
    /** The content of the screen as a key, and its subject. */
    this.shown = "";
    this.about = "";
    this.output = element("pre", { role: "status", id: "said" });
  }

  /**
   * Follow the state of the wires.
   * @param {string} role of the user
   */
  async begin(role) {
    this.role = role;
    byId("tabs").hidden = !this.isAllowed;
    if (this.role === "configure" && door.lab === undefined) this.offerSaving();
    for (;;) {
      if (!document.hidden) await this.look();
      await pause(LOOK);
    }
  }

  get isAllowed() {
    return this.role === "operate" || this.role === "configure";
  }

  async look() {
    const status = await ask(this.path).then((answer) => answer.json(), () => null);
    if (status === null) return;
    const { links = [], impaired = {} } = status;
    this.wiring = { links, impaired };
    this.routers = new Map(Object.entries(status.routers ?? {}));
    this.hosts = new Set(Object.keys(status.hosts ?? {}));
    const all = this.stage.wires.map((wire) => /** @type {const} */ ([wire, described(impaired[linkOf(wire, links) ?? ""])]));
    this.bad = new Map(all.filter(([, bad]) => bad !== ""));
  }

  /**
   * Put the panel on the screen.
   * @param {string} router that is chosen, or ""
   * @param {StageWire|null} wire that is chosen
   */
  show(router, wire) {
    const alive = this.routers.get(router);
    const isHost = this.hosts.has(router);
    const bad = wire && this.bad.get(wire);
    const now = JSON.stringify([router, wire, alive, isHost, this.role, bad, this.wiring.links.length]);
    if (now === this.shown) return;
    this.shown = now;
    const about = wire === null ? router : named(wire);
    if (about !== this.about) this.say("");
    this.about = about;
    this.probe = null;
    if (wire !== null) byId("actions").replaceChildren(...this.wire(wire), this.output);
    else if (alive !== undefined && this.isAllowed) byId("actions").replaceChildren(...this.router(router, alive), this.output);
    else if (isHost && this.isAllowed) byId("actions").replaceChildren(...this.host(router), this.output);
    else byId("actions").replaceChildren();
  }

  // ---------------------------------------------------------------------------------------------- a router

  /**
   * @param {string} name
   * @param {boolean} alive
   */
  router(name, alive) {
    const path = `${this.path}/routers/${encodeURIComponent(name)}`;
    const life = alive
      ? button("Kill", () => this.kill(name, `${path}/kill`))
      : button("Start", () => this.act(`${name} is starting.`, `${path}/start`, {}));
    const more = alive ? [button("Terminal", () => this.doors.open(name))] : [];
    const made = [element("p", {}, ...more, " ", life)];
    if (alive) made.push(...this.probing(name, (wanted) => this.run(name, path, wanted)));
    return [...made, ...this.wiresOf(name)];
  }

  /**
   * @param {string} name
   * @param {string} path
   */
  async kill(name, path) {
    const consequence = "It stops as in a power failure: its sessions end, and what it has not written to its flash is lost.";
    if (await agreed(`Kill ${name}?`, consequence, "Kill")) await this.act(`${name} was killed.`, path, {});
  }

  /** @param {string} name */
  host(name) {
    return [...this.probing(name, (wanted) => this.send(name, wanted)), ...this.wiresOf(name)];
  }

  /** @param {string} name */
  wiresOf(name) {
    const wires = this.stage.wires.filter((wire) => wire.ends.some(([node]) => node === name));
    const list = wires.map((wire) => button(named(wire), () => this.doors.choose(wire)));
    return list.length > 0 ? [element("p", { class: "wires" }, "Wires: ", ...list)] : [];
  }

  /**
   * @param {string} name
   * @param {(wanted: import("./probe.js").Wanted) => void} go
   */
  probing(name, go) {
    this.probe = new Probe(this.stage, name, go);
    return this.probe.parts;
  }

  /**
   * Take a node that was clicked as the target of a ping, if one is to be picked. Returns whether it was taken.
   * @param {string} name
   */
  take(name) {
    const node = this.stage.nodes.find((each) => each.name === name);
    return node !== undefined && (this.probe?.take(node) ?? false);
  }

  /** Stop waiting for a click. */
  leave() {
    if (this.probe?.picking) this.probe.wait(false);
  }

  /**
   * Run ping or traceroute on a router.
   * @param {string} name
   * @param {string} path
   * @param {import("./probe.js").Wanted} wanted
   */
  async run(name, path, { command, target, source }) {
    const line = `${command} ${target}${source ? ` source ${source}` : ""}`;
    this.say(`${name}# ${line}\n…`);
    const answer = await this.request(`${path}/run`, { command: line });
    if (answer !== null) this.say(`${name}# ${line}\n${answer.output}`, !answer.accepted);
  }

  /**
   * Run ping or traceroute on a host: a job, whose answer comes at its end.
   * @param {string} name
   * @param {import("./probe.js").Wanted} wanted
   */
  async send(name, { command, target }) {
    this.say(`${name}$ ${command} ${target}\n…`);
    const path = `hosts/${encodeURIComponent(name)}/${command}`;
    const job = await ended(this.path, path, { target }).catch((error) => this.fail(error));
    if (job !== null) this.say(`${name}$ ${command} ${target}\n${job.result?.output ?? job.notes.join("\n")}`);
  }

  // ---------------------------------------------------------------------------------------------- a wire

  /** @param {StageWire} wire */
  wire(wire) {
    const bad = this.bad.get(wire) ?? "";
    const title = element("h2", {}, `Wire ${named(wire)}`);
    const state = element("p", bad ? { class: "bad" } : {}, bad || "No impairment.");
    const ends = linkOf(wire, this.wiring.links)?.split(" ");
    if (!this.isAllowed || ends === undefined) return [title, state];
    const link = ends[0];
    const path = `${this.path}/wires`;
    const repair = () => this.act("The wire was restored.", path, { link });
    const cut = button("Cut", async () => {
      await this.act("The wire was cut.", path, { link, cut: true });
      if (!this.output.className) this.output.append(" ", button("Undo", repair));
    });
    const restore = button("Restore", repair);
    const change = (/** @type {object} */ wanted) => this.act("The wire was changed.", path, wanted);
    const capture = this.captures.get(link) ?? capturing(this.path, ends, this.role === "configure");
    this.captures.set(link, capture);
    return [title, state, element("p", {}, cut, " ", restore), impairment(ends, change), capture];
  }

  // ---------------------------------------------------------------------------------------------- requests

  /** Offer to save the lab: its configurations have keys, so only the largest role may. */
  offerSaving() {
    const saving = button("Save the lab", async () => {
      const answer = await ask(`${this.path}/saved`).catch((error) => this.fail(error));
      if (answer) save(await answer.blob(), `${this.path.split("/").pop()}.zip`);
    });
    saving.id = "save";
    byId("controls").append(saving);
  }

  /**
   * @param {string} done the sentence to show afterwards
   * @param {string} path
   * @param {object} body
   */
  async act(done, path, body) {
    this.say("…");
    if ((await this.request(path, body)) !== null) this.say(done);
    await this.look();
  }

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>} null: it was refused
   */
  async request(path, body) {
    return post(path, body).then((answer) => answer.json(), (error) => this.fail(error));
  }

  /**
   * @param {unknown} error
   * @returns {null}
   */
  fail(error) {
    this.say(error instanceof Error ? error.message : String(error), true);
    return null;
  }

  /**
   * @param {string} text
   * @param {boolean} bad
   */
  say(text, bad = false) {
    this.output.textContent = plain(text);
    this.output.className = bad ? "bad" : "";
  }
}

/**
 * @param {string} text
 * @param {() => void} act
 */
function button(text, act) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", act);
  return made;
}
