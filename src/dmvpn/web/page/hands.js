/**
 * What a user may do to a lab with the mouse: a terminal, kill and start a router, ping and traceroute, pull a wire and
 * make it bad. Each is a request of the API, for roles that may; the answer, or the refusal, is shown.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageWire} StageWire
 * @typedef {import("./wires.js").Wiring} Wiring
 */

import { byId, element, save } from "./dom.js";
import { ask, order } from "./feed.js";
import { described, linkOf, named } from "./wires.js";

/** Milliseconds between two looks at the state of the wires. */
const LOOK = 5000;
/** Impairments with a number: name in the API, label, and the largest. */
const AMOUNTS = /** @type {const} */ ([
  ["delay", "delay (ms)", 10_000],
  ["loss", "loss (%)", 100],
  ["rate", "rate (kbit/s)", 10_000_000],
  ["mtu", "MTU (octets)", 65_535],
]);

/** The panel. */
export class Hands {
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
    /** @type {Map<StageWire, string>} what is bad about wires */
    this.bad = new Map();
    /** What is on the screen, and what it is about. */
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
    if (this.role === "configure") this.offerSaving();
    for (;;) {
      if (!document.hidden) await this.look();
      await new Promise((done) => setTimeout(done, LOOK));
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
    const now = JSON.stringify([router, wire, alive, this.role, wire && this.bad.get(wire), this.wiring.links.length]);
    if (now === this.shown) return;
    this.shown = now;
    const about = wire === null ? router : named(wire);
    if (about !== this.about) this.say("");
    this.about = about;
    if (wire !== null) byId("hands").replaceChildren(...this.wire(wire), this.output);
    else if (alive !== undefined && this.isAllowed) byId("hands").replaceChildren(...this.router(router, alive), this.output);
    else byId("hands").replaceChildren();
  }

  // ---------------------------------------------------------------------------------------------- a router

  /**
   * @param {string} name
   * @param {boolean} alive
   */
  router(name, alive) {
    const path = `${this.path}/routers/${encodeURIComponent(name)}`;
    const wires = this.stage.wires.filter((wire) => wire.ends.some(([node]) => node === name));
    const list = wires.map((wire) => button(named(wire), () => this.doors.choose(wire)));
    const life = alive
      ? button("Kill", () => this.order(`${name} is killed`, `${path}/kill`, {}))
      : button("Start", () => this.order(`${name} starts`, `${path}/start`, {}));
    const more = alive ? [button("Terminal", () => this.doors.open(name))] : [];
    const made = [element("p", {}, ...more, " ", life)];
    if (alive) made.push(this.probe(name, path));
    if (list.length > 0) made.push(element("p", { class: "wires" }, "Wires: ", ...list));
    return made;
  }

  /**
   * Return the form for ping and traceroute.
   * @param {string} name
   * @param {string} path
   */
  probe(name, path) {
    const target = element("input", { list: "known", placeholder: "Address", "aria-label": "Address", required: "", size: "14" });
    const known = element("datalist", { id: "known" });
    const others = this.stage.nodes.filter((node) => node.name !== name);
    known.append(...others.flatMap((node) => node.addresses.map((address) => element("option", { value: address }, node.name))));
    const own = this.stage.nodes.find((node) => node.name === name)?.addresses ?? [];
    const source = element("select", { "aria-label": "Source address" }, element("option", { value: "" }, "any source"));
    source.append(...own.map((address) => element("option", { value: address }, address)));
    const form = element("form", { class: "probe" }, target, known, source);
    for (const command of ["ping", "traceroute"]) form.append(element("button", { value: command }, command));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const command = /** @type {HTMLButtonElement|null} */ (event.submitter)?.value ?? "ping";
      const from = /** @type {HTMLSelectElement} */ (source).value;
      const line = `${command} ${/** @type {HTMLInputElement} */ (target).value.trim()}${from ? ` source ${from}` : ""}`;
      this.run(name, path, line);
    });
    return form;
  }

  /**
   * @param {string} name
   * @param {string} path
   * @param {string} line
   */
  async run(name, path, line) {
    this.say(`${name}# ${line}\n…`);
    const answer = await this.request(`${path}/run`, { command: line });
    if (answer !== null) this.say(`${name}# ${line}\n${answer.output}`, !answer.accepted);
  }

  // ---------------------------------------------------------------------------------------------- a wire

  /** @param {StageWire} wire */
  wire(wire) {
    const bad = this.bad.get(wire) ?? "";
    const title = element("h2", {}, `Wire ${named(wire)}`);
    const state = element("p", bad ? { class: "bad" } : {}, bad || "It is as it should be.");
    const link = linkOf(wire, this.wiring.links)?.split(" ")[0];
    if (!this.isAllowed || link === undefined) return [title, state];
    const path = `${this.path}/wires`;
    const pull = button("Pull", () => this.order("the wire is pulled", path, { link, cut: true }));
    const restore = button("Restore", () => this.order("the wire is as it should be", path, { link }));
    return [title, state, element("p", {}, pull, " ", restore), this.impairments(path, link)];
  }

  /**
   * @param {string} path
   * @param {string} link
   */
  impairments(path, link) {
    const form = element("form", { class: "impair" });
    const inputs = AMOUNTS.map(([name, label, most]) => {
      const input = element("input", { type: "number", min: "0", max: String(most), step: "any", name });
      form.append(element("label", {}, label, input));
      return /** @type {HTMLInputElement} */ (input);
    });
    form.append(element("button", {}, "Make it so"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = inputs.filter((input) => input.value !== "").map((input) => [input.name, Number(input.value)]);
      this.order("the wire is changed", path, { link, ...Object.fromEntries(given) });
    });
    return form;
  }

  // ---------------------------------------------------------------------------------------------- orders

  /** Let the lab be saved: its configurations have keys, so that takes the largest role. */
  offerSaving() {
    const saving = button("Save the lab", async () => {
      const answer = await ask(`${this.path}/saved`).catch((error) => this.fail(error));
      if (answer) save(await answer.blob(), `${this.path.split("/").pop()}.zip`);
    });
    saving.id = "save";
    byId("controls").append(saving);
  }

  /**
   * @param {string} done what to say then
   * @param {string} path
   * @param {object} body
   */
  async order(done, path, body) {
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
    return order(path, body).then((answer) => answer.json(), (error) => this.fail(error));
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
    this.output.textContent = text;
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
