/** The page: it puts a film's map, ladder and tables on the screen for the moment that is played. */

import { clusterAt, Clusters, CLUSTERS_BELOW } from "./clusters.js";
import { colors } from "./colors.js";
import { byId, clock, element, plain, say } from "./dom.js";
import { ask, door, exported, follow, meanings, pause, Refused, runs } from "./feed.js";
import { badWires, faultsInWords, overFaults } from "./faults.js";
import { Film, MOST_LIVE } from "./film.js";
import { Hover, under } from "./hover.js";
import { icon } from "./icons.js";
import { listen } from "./keys.js";
import { layout, wholeView } from "./layout.js";
import { Assembler } from "./lines.js";
import { FLIGHT, nodeAt, paint, pointUnder } from "./map.js";
import { NOTHING } from "./overlay.js";
import { Panels } from "./panels.js";
import { both, inCondition, legend, list, searched } from "./routers.js";
import { isRouter, tunnels } from "./state.js";
import { Desks } from "./desks.js";
import { Actions } from "./actions.js";
import { savePng, saveSvg } from "./pictures.js";
import { Story } from "./story.js";
import { tables } from "./tables.js";
import { TimeLine } from "./timeline.js";
import { tools } from "./tools.js";
import { lead, RECOLORED, themes, top } from "./top.js";
import { partakers } from "./trail.js";
import { begin, welcome } from "./welcome.js";
import { whole } from "./whole.js";
import { wireAt } from "./wires.js";

/** @typedef {import("./film.js").Step} Step */
/** @typedef {import("./film.js").Stage} Stage */
/** @typedef {import("./feed.js").Heard} Heard */

/** Seconds before the present in which the map has the wires of the present. */
const NOW = 2;
/** Milliseconds after which a router that has said much is known to have said all, and between two looks for that. */
const SILENCE = 1000;
/** Milliseconds for which news are gathered: each time the film is put in order. */
const GATHER = 50;
/** Milliseconds between two looks whether a lab that has ended runs again, or its configurations have changed. */
const LOOK = 3000;
/** A status: the resource has not changed. */
const UNCHANGED = 304;
/** A network with more routers is shown without the changes of routes that were before: they would be most of its past. */
const MOST_ROUTES = 50;
/** Routers that a search found which are shown by themselves on a map with clusters. */
const MOST_ALONE = 30;

/** The hint of a page without buttons. */
const LOOKS = "Your role is view: read only. The role operate adds terminals, ping and wires, and configure adds the doctor.";
/** The icons of buttons. */
const SIGNS = /** @type {const} */ ([
  ["back", "back"],
  ["forth", "forth"],
  ["live", "now"],
  ["fit", "fit"],
  ["png", "save"],
  ["svg", "save"],
]);

/** What the user sees of a film. */
class Player {
  /**
   * @param {Film} film
   * @param {boolean} isLive its network runs, so that it grows
   */
  constructor(film, isLive) {
    this.film = film;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("map"));
    this.places = layout(film.stage, this.aspect);
    /** @type {Set<string>} routers that have not said all yet */
    this.loading = new Set(isLive ? film.stage.nodes.filter(isRouter).map((node) => node.name) : []);
    /** @type {Set<string>} routers whose reports have come; they are taken into the film a moment later */
    this.reported = new Set();
    this.view = { x: 0, y: 0, scale: 1 };
    this.chosen = "";
    /** @type {Map<string, number>} routers that have more to say, and when that is known to be over; milliseconds */
    this.silent = new Map();
    /** Whether the network is known as its routers have it configured, and whether one was configured since. */
    this.isStaged = this.isConfigured = false;
    /** @type {Set<string>|null} nodes that a search found; null: no search */
    this.found = null;
    /** The search results in the list on the screen. */
    this.listed = "";
    /** @type {import("./film.js").StageWire|null} */
    this.wire = null;
    /** @type {Actions|null} the actions on a lab that runs */
    this.actions = null;
    /** What a tool puts over the map. */
    this.overlay = NOTHING;
    this.panels = new Panels();
    const bare = () => {
      this.overlay = NOTHING;
    };
    this.panels.add("Router", "The selected router, host or wire", byId("router"), bare);
    this.panels.add("Message", "The message that is opened in the ladder", byId("message"), bare);
    this.story = new Story(film, (name) => this.choose(name), meanings, (isOpen) => this.turn(isOpen));
    this.story.fates.loading = this.loading;
    this.playing = true;
    this.isLive = isLive;
    this.speed = 1;
    /** The moment that is shown, and the server's clock minus ours: seconds. */
    this.time = NaN;
    this.ahead = 0;
    /** @type {{key: string, chosen: string, wire: import("./film.js").StageWire|null}} */
    this.shown = { key: "", chosen: "", wire: null };
    const state = film.at(NaN);
    /** What follows from so many steps: it is computed again only when something has happened. */
    this.known = { key: "", count: -1, ...this.following(state) };
    this.clusters = new Clusters();
    this.line = new TimeLine(film, (time) => this.moveTo(time));
    /** The moment of the address, as `go` takes it: until all is known that is before it. */
    this.later = isLive ? location.hash : "";
    this.colors = colors();
    this.last = performance.now();
    this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /**
   * Return what follows from a state.
   * @param {import("./state.js").State} state
   */
  following(state) {
    const { stage } = this.film;
    const found = tunnels(stage, state, { loading: this.loading, ...(this.isLive ? { time: this.time } : {}) });
    const settles = found.some((tunnel) => tunnel.settles);
    return { state, tunnels: found, settles, bad: badWires(stage, state), faults: overFaults(state) };
  }

  /** A connection begins: what each router has to say comes now. */
  reload() {
    this.silent.clear();
    this.reported.clear();
    for (const name of this.known.state.routers.keys()) this.loading.add(name);
  }

  /**
   * Receive what a router reports.
   * @param {Heard} news
   * @param {Heard[]} waiting until it is taken
   */
  receive(news, waiting) {
    waiting.push(news);
    if ("router" in news && this.loading.has(news.router)) this.reported.add(news.router);
  }

  /**
   * Take what routers reported.
   * @param {Assembler} assembler
   * @param {Heard[]} some
   */
  hear(assembler, some) {
    /** @type {Step[]} */
    const steps = [];
    for (const news of some) {
      if ("rates" in news) {
        steps.push({ type: "traffic", time: this.present, ...news });
        continue;
      }
      if (!("gone" in news)) this.ahead = news.now - Date.now() / 1000;
      const made = assembler.hear({ now: this.present, ...news });
      this.isConfigured ||= made.some((step) => step.topic === "configuration");
      steps.push(...made);
      if ("more" in news && news.more) this.silent.set(news.router, performance.now() + SILENCE);
      else this.loading.delete(news.router);
    }
    for (const [name, end] of this.silent) if (performance.now() > end) this.loading.delete(name);
    if (steps.length > 0) this.film.add(steps);
    if (this.later !== "" && this.loading.size === 0) {
      this.go(this.later);
      this.later = "";
    }
    this.film.revision = assembler.completed;
  }

  /** The width of the map by its height. */
  get aspect() {
    return this.canvas.clientWidth / (this.canvas.clientHeight || 1) || 1;
  }

  /**
   * Take the network as it is known now.
   * @param {Stage} stage
   */
  restage(stage) {
    this.film.restage(stage);
    this.known.key = this.shown.key = this.listed = "";
    document.title = byId("title").textContent = plain(stage.title);
    const places = layout(this.film.stage, this.aspect);
    if (JSON.stringify([...places]) !== JSON.stringify([...this.places])) this.fit();
    this.places = places;
    this.find();
  }

  begin() {
    byId("live").hidden = !this.isLive;
    for (const [id, sign] of SIGNS) byId(id).prepend(icon(sign));
    this.play();
    this.fit();
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    document.addEventListener(RECOLORED, () => {
      this.colors = colors();
    });
    legend();
    this.listen();
    list(this.film.stage, null, (name) => this.choose(name));
    requestAnimationFrame((now) => this.frame(now));
  }

  /** Show everything. */
  fit() {
    const { width, height, ratio } = this.size;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.places = layout(this.film.stage, this.aspect);
    Object.assign(this.view, wholeView(this.places, this.size));
  }

  /** @param {string[]} members of a cluster, which are shown by themselves */
  enlarge(members) {
    const points = members.map((name) => this.places.get(name) ?? { x: 0, y: 0 });
    const [left, right] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
    const [top, bottom] = [Math.min(...points.map(({ y }) => y)), Math.max(...points.map(({ y }) => y))];
    const { width, height } = this.size;
    const fitting = Math.min(width / (right - left + 120), height / (bottom - top + 120));
    this.view.scale = Math.min(2, Math.max(fitting, CLUSTERS_BELOW));
    [this.view.x, this.view.y] = [(left + right) / 2, (top + bottom) / 2];
  }

  /** The present of the network, by the server's clock. */
  get present() {
    return Date.now() / 1000 + this.ahead;
  }

  /** The last moment that can be shown. */
  get end() {
    const { last } = this.film.span;
    return this.isLive ? Math.max(last, this.present) : last;
  }

  /** The last moment of which anything can be known. */
  get horizon() {
    return this.isLive ? this.present : Infinity;
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight, ratio: devicePixelRatio };
  }

  /** @param {number} now milliseconds of the page */
  frame(now) {
    this.move((now - this.last) / 1000);
    this.last = now;
    this.draw();
    this.write();
    requestAnimationFrame((next) => this.frame(next));
  }

  /** @param {number} seconds that have passed */
  move(seconds) {
    const { first, last } = this.film.span;
    if (this.isLive && this.playing && this.speed === 1) this.time = this.present;
    else if (Number.isNaN(this.time)) this.time = first;
    else if (this.playing) {
      this.time += Math.max(0, seconds) * this.speed;
      if (this.isLive && this.time >= this.present) this.live();
      else if (!this.isLive && this.time > last + FLIGHT) this.pause();
      else if (this.time < first) this.pause();
    }
  }

  draw() {
    const { film } = this;
    const count = film.count(this.time);
    const second = this.known.settles ? Math.floor(this.time) : 0;
    const key = [count, film.steps.length, this.loading.size, this.reported.size, second].join(" ");
    if (this.known.key !== key) this.known = { key, count, ...this.following(film.at(this.time)) };
    /** @type {Step[]} */
    const messages = [];
    for (let place = count - 1; place >= 0 && !this.isStill && this.story.cause.length === 0; place -= 1) {
      const step = film.steps[place];
      if (step.time < this.time - FLIGHT || messages.length >= 300) break;
      if (step.type === "arrow") messages.push(step);
    }
    this.story.fates.judge(messages, this.horizon);
    const isPresent = this.actions !== null && this.time > this.present - NOW;
    /** @type {import("./map.js").Scene} */
    const scene = {
      ...{ stage: film.stage, places: this.places, state: this.known.state, tunnels: this.known.tunnels, messages },
      ...{ time: this.time, isStill: this.isStill, chosen: this.chosen, found: this.found, cause: this.story.cause },
      loading: this.loading,
      ...{ overlay: this.overlay === NOTHING ? this.known.faults : this.overlay },
      ...{ wire: this.wire, bad: isPresent && this.actions !== null ? this.actions.bad : this.known.bad },
    };
    scene.clusters = this.clusters.of(scene, this.view.scale, this.alone);
    this.scene = scene;
    const context = this.canvas.getContext("2d");
    if (context !== null) paint(context, this.size, this.view, scene, this.colors);
  }

  /** Routers that are no part of a cluster: the ones that a user looks at. */
  get alone() {
    const found = this.found !== null && this.found.size <= MOST_ALONE ? this.found : [];
    return new Set([this.chosen, ...partakers(this.story.cause), ...found]);
  }

  /** Write what changes with the moment: the ladder and the tables only if something happened. */
  write() {
    byId("clock").textContent = `${clock(this.time)} UTC`;
    const { end } = this;
    const { first } = this.film.span;
    if (this.film.steps.length > 0) this.line.show(this.time, { first, last: end }, this.colors.faint);
    const now = { chosen: this.chosen, key: this.known.key, wire: this.wire };
    const isHost = this.film.stage.nodes.some((node) => node.name === now.chosen && node.kind === "host");
    this.story.show(this.known.count, isHost ? "" : now.chosen, this.horizon);
    this.actions?.show(this.chosen, this.wire);
    if (this.shown.key === now.key && this.shown.chosen === now.chosen && this.shown.wire === now.wire) return;
    this.shown = now;
    this.find();
    byId("summary").textContent = this.summary();
    this.detail();
  }

  /** What there is, in numbers: only when all of it is known. */
  summary() {
    const routers = this.known.state.routers.size;
    if (routers === 0) return "There is no router.";
    if (this.loading.size > 0) return `loading ${Math.floor((99 * this.reported.size) / routers)} %`;
    const found = this.known.tunnels;
    const count = (/** @type {(tunnel: import("./state.js").Tunnel) => boolean} */ fits) => found.filter(fits).length;
    const direct = count((tunnel) => tunnel.direct);
    const encrypted = count((tunnel) => tunnel.encrypted);
    const broken = count((tunnel) => tunnel.condition === "broken");
    const registered = count((tunnel) => tunnel.condition === "registered");
    const faults = faultsInWords(this.known.state);
    return `${registered} registered, ${direct} direct, ${encrypted} encrypted, ${broken} broken${faults && `; ${faults}`}`;
  }

  /**
   * Select a node, on the map and for its panel.
   * @param {string} name
   * @param {boolean} isShown show its panel, too
   */
  choose(name, isShown = true) {
    if (this.actions?.take(name)) return;
    this.wire = null;
    this.chosen = this.film.stage.nodes.some((node) => node.name === name) ? name : "";
    this.mark();
    if (isShown && this.chosen !== "") this.panels.show("Router");
    byId("router").scrollTo({ top: 0 });
  }

  /** Mark the selected router in the list. */
  mark() {
    for (const button of byId("routers").querySelectorAll("button")) {
      button.setAttribute("aria-current", String(button.textContent === plain(this.chosen)));
    }
  }

  /** @param {boolean} isOpen a message was opened, or closed */
  turn(isOpen) {
    if (isOpen) this.panels.show("Message");
    else if (this.panels.open === "Message") this.panels.show("Router");
    byId("message").scrollTo({ top: 0 });
  }

  detail() {
    const panel = byId("detail");
    byId("subject").replaceChildren();
    if (this.chosen === "" || this.scene === undefined) {
      const many = this.scene?.clusters ? " Routers that are close together are one symbol with their number: click it to see them." : "";
      panel.replaceChildren();
      if (this.wire !== null) return;
      panel.append(element("p", { class: "hint" }, `Select a router on the map or in the list.${many}`));
      if (this.isLive && this.actions?.role === "view") panel.append(element("p", { class: "hint" }, LOOKS));
      return;
    }
    const node = this.film.stage.nodes.find((each) => each.name === this.chosen);
    const title = element("h2", {}, `${this.chosen} `, element("small", {}, node?.kind ?? ""));
    const addresses = element("p", { class: "addresses" }, (node?.addresses ?? []).join(", "));
    byId("subject").replaceChildren(title, addresses);
    panel.replaceChildren(...tables(this.scene.state, this.chosen, this.time));
  }

  /** @param {number} time to stay at */
  moveTo(time) {
    this.time = time;
    this.pause();
  }

  pause() {
    this.playing = false;
    this.link();
    byId("play").replaceChildren(icon("play"), "Play");
  }

  /** Have the moment in the address while a lab that runs is paused: it is a link to this moment. */
  link() {
    if (!this.isLive || door.lab !== undefined || Number.isNaN(this.time)) return;
    const hash = this.playing ? "" : `#${new Date(this.time * 1000).toISOString()}`;
    if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname);
  }

  play() {
    this.playing = true;
    this.link();
    byId("play").replaceChildren(icon("pause"), "Pause");
    const { first, last } = this.film.span;
    if (!this.isLive && this.time >= last) this.time = first;
  }

  /**
   * Go to the moment of an address: `#end`, `#12.5`, seconds from the beginning, or `#2026-11-27T12:00:00.000Z`.
   * @param {string} hash
   */
  go(hash) {
    const { first, last } = this.film.span;
    const date = hash.includes("T") ? Date.parse(hash.slice(1)) / 1000 : NaN;
    const seconds = hash === "#end" ? last - first : Number.isNaN(date) ? Number(hash.slice(1)) : date - first;
    if (hash.length < 2 || Number.isNaN(seconds)) return;
    this.moveTo(first + seconds);
  }

  live() {
    this.speed = 1;
    /** @type {HTMLSelectElement} */ (byId("speed")).value = "1";
    this.play();
  }

  listen() {
    byId("play").addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    byId("live").addEventListener("click", () => this.live());
    byId("fit").addEventListener("click", () => this.fit());
    byId("png").addEventListener("click", () => this.save(savePng));
    byId("svg").addEventListener("click", () => this.save(saveSvg));
    byId("speed").addEventListener("change", (event) => {
      this.speed = Number(/** @type {HTMLSelectElement} */ (event.target).value);
      this.play();
    });
    byId("back").addEventListener("click", () => this.step(-1));
    byId("forth").addEventListener("click", () => this.step(1));
    listen([
      { keys: ["/"], shown: "/", what: "Search routers and hosts", act: () => byId("search").focus() },
      { keys: ["ArrowLeft"], shown: "←", what: "One step back", act: () => this.step(-1) },
      { keys: ["ArrowRight"], shown: "→", what: "One step forward", act: () => this.step(1) },
      { keys: [" "], shown: "Space", what: "Pause or play", act: () => (this.playing ? this.pause() : this.play()) },
      { keys: ["+"], shown: "+", what: "Zoom into the time line", act: () => byId("nearer").click() },
      { keys: ["-"], shown: "−", what: "More of the time", act: () => byId("farther").click() },
      { keys: ["n"], shown: "n", what: "Now, in a lab that runs", act: () => this.isLive && this.live() },
      { keys: ["f"], shown: "f", what: "The whole map", act: () => this.fit() },
      { keys: ["Escape"], shown: "Esc", what: "Close the message, or end the choice of a target", act: () => this.escape() },
    ]);
    byId("search").addEventListener("input", () => this.find());
    byId("condition").addEventListener("change", () => this.find());
    this.listenToCanvas();
  }

  escape() {
    this.actions?.leave();
    this.story.close();
  }

  /** @param {-1|1} ahead go to the step before or after this moment */
  step(ahead) {
    this.pause();
    const { steps } = this.film;
    const count = this.film.count(this.time);
    let place = ahead > 0 ? count : count - 2;
    while (steps[place]?.type === "traffic") place += ahead;
    if (place >= 0 && place < steps.length) this.moveTo(steps[place].time);
  }

  listenToCanvas() {
    /** @type {{x: number, y: number}|null} */
    let held = null;
    const { canvas, view } = this;
    const hover = new Hover(canvas);
    canvas.addEventListener("pointerdown", (event) => {
      held = { x: event.offsetX, y: event.offsetY };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (held === null) {
        if (this.scene === undefined) return;
        const point = pointUnder(this.size, view, event.offsetX, event.offsetY);
        hover.show(under(this.scene, point, view.scale), event);
        return;
      }
      view.x -= (event.offsetX - held.x) / view.scale;
      view.y -= (event.offsetY - held.y) / view.scale;
      held = { x: event.offsetX, y: event.offsetY };
    });
    canvas.addEventListener("pointerup", () => {
      held = null;
    });
    canvas.addEventListener("click", (event) => {
      if (this.scene === undefined) return;
      const point = pointUnder(this.size, view, event.offsetX, event.offsetY);
      const cluster = clusterAt(this.scene.clusters ?? null, point, view.scale);
      if (cluster !== null) {
        this.enlarge(cluster.members);
        return;
      }
      this.choose(nodeAt(this.scene, point, view.scale));
      if (this.chosen !== "") return;
      this.wire = wireAt(this.film.stage, this.places, point);
      if (this.wire !== null) this.panels.show("Router");
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const before = pointUnder(this.size, view, event.offsetX, event.offsetY);
        view.scale = Math.min(6, Math.max(0.03, view.scale * Math.exp(-event.deltaY / 500)));
        const after = pointUnder(this.size, view, event.offsetX, event.offsetY);
        view.x += before.x - after.x;
        view.y += before.y - after.y;
      },
      { passive: false },
    );
  }

  /** @param {typeof import("./pictures.js").savePng} saving writes the map of this moment into a file */
  save(saving) {
    const name = `${this.film.stage.title} ${clock(this.time)}`.replace(/[^A-Za-z0-9.-]+/g, "-");
    if (this.scene !== undefined) saving(this.scene, this.view, this.size, this.colors, name);
  }

  /** Find the routers that the search and the filter leave, and list them if they are other ones than before. */
  find() {
    const { stage } = this.film;
    const [text, condition] = ["search", "condition"].map((id) => /** @type {HTMLInputElement} */ (byId(id)).value);
    this.found = both(searched(stage, text), inCondition(stage, this.known.tunnels, condition));
    const now = this.found === null ? "" : ["some", ...this.found].join(" ");
    if (now === this.listed) return;
    this.listed = now;
    list(stage, this.found, (name) => this.choose(name));
    this.mark();
  }
}

async function main() {
  const recorded = exported();
  if (recorded !== null) {
    const played = whole(recorded);
    byId("who").replaceChildren(themes());
    start(played, false).go(location.hash);
    say([`${played.steps.length} steps`, ...(recorded.notes ?? [])].join("; "), recorded.notes !== undefined);
    return;
  }
  const lab = door.lab?.name ?? decodeURIComponent(location.pathname.split("/").pop() ?? "");
  const path = `/api/v1/labs/${encodeURIComponent(lab)}`;
  say("loading");
  // This release may be unable to read its file: then its routers describe the network.
  const asked = ask(`${path}/stage?of=file`).catch((error) => {
    if (error instanceof Refused && error.status < 500) throw error;
    return ask(`${path}/stage`);
  });
  const [{ role, without }, first] = await Promise.all([top(), asked]);
  const film = new Film(await first.json(), MOST_LIVE);
  const player = start(film, true);
  const { stage } = film;
  const [assembler, waiting] = [new Assembler(stage), /** @type {Heard[]} */ ([])];
  const staged = new Promise((begin) => {
    keepStaged(path, player, assembler, () => begin(null)).catch((error) => say(String(error), true));
  });
  const desks = new Desks(path);
  const choose = (/** @type {import("./film.js").StageWire} */ wire) => {
    player.choose("");
    player.wire = wire;
  };
  player.actions = new Actions(path, stage, { open: (router) => desks.open(router), choose });
  player.actions.begin(role).catch((error) => say(String(error), true));
  const ping = (/** @type {string} */ host, /** @type {string} */ target) => {
    player.choose(host);
    player.actions?.send(host, { command: "ping", target, source: "" });
  };
  if (role !== "view" && !door.lab?.story) welcome(stage, ping);
  tools(player.panels, {
    ...{ path, role, without, stage },
    put: (overlay) => {
      player.overlay = overlay;
    },
    choose: (router) => player.choose(router, false),
  });
  if (door.lab?.isExercise) player.panels.show("Lesson");
  // What the routers remember comes after their configurations: both at once would take longer.
  await staged;
  if (door.lab?.story) begin(door.lab, path, stage, ping).then(() => door.lab?.story === "fault" && player.panels.show("Lesson"), lead);
  const gathering = setInterval(() => player.hear(assembler, waiting.splice(0)), GATHER);
  const past = player.loading.size > MOST_ROUTES ? "recent" : "history";
  await follow(path, `${past},traffic`, (news) => player.receive(news, waiting), (connected, why) => {
    if (connected) player.reload();
    say(connected ? "live" : `disconnected: ${why}`, !connected);
  });
  clearInterval(gathering);
  say("the lab has ended", true);
  while (!(await runs(path))) await pause(LOOK);
  if (player.playing) location.reload();
  else say("the lab runs again: reload the page to follow it", true);
}

/**
 * Keep the network as its routers have it configured: at first they are asked, later only if one was configured.
 * @param {string} path
 * @param {Player} player
 * @param {Assembler} assembler
 * @param {() => void} begin is called when they are known
 */
async function keepStaged(path, player, assembler, begin) {
  let tag = "";
  for (;;) {
    // Whatever is configured while the server answers may not be in the answer.
    player.isConfigured = false;
    try {
      const fresh = await ask(`${path}/stage`, tag ? { headers: { "If-None-Match": tag } } : {});
      const stage = /** @type {Stage} */ (await fresh.json());
      tag = fresh.headers.get("ETag") ?? "";
      assembler.restage(stage);
      player.restage(stage);
      player.isStaged = true;
      begin();
    } catch (error) {
      if (!player.isStaged && error instanceof Refused && error.status < 500) throw error;
      player.isConfigured ||= !(error instanceof Refused && error.status === UNCHANGED);
    }
    do await pause(LOOK);
    while (player.isStaged && !player.isConfigured);
  }
}

/**
 * @param {Film} film
 * @param {boolean} isLive
 */
function start(film, isLive) {
  document.title = byId("title").textContent = plain(film.stage.title);
  const player = new Player(film, isLive);
  player.begin();
  return player;
}

main().catch((error) => {
  // Without a network there is nothing but the reason.
  if (byId("routers").childElementCount === 0) {
    document.body.classList.add("empty");
    byId("title").textContent = "No network";
  }
  return lead(error);
});
