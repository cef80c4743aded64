/**
 * The front door: it opens a session for the code of the printed address, shows the running labs, and brings up new ones.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./jobs.js").Job} Job
 * @typedef {import("./top.js").Who} Who
 * @typedef {{name: string, service: boolean, routers: string[]}} Lab
 * @typedef {{lab: string, simulated: boolean, silent: boolean, running: number, routers: number, complaint: string}} Desk
 * @typedef {{name: string, title: string, topic: string, up: boolean, lacks: string[]}} Scenario
 */

import { agreed } from "./asking.js";
import { byId, drawn, element, plain, say } from "./dom.js";
import { ask, at, KEY, pause, post, Refused } from "./feed.js";
import { extent, layout } from "./layout.js";
import { ended, progress } from "./jobs.js";
import { linkTo, top } from "./top.js";

/** Milliseconds between two looks. */
const OFTEN = 3000;
const LABS = "/api/v1/labs";
/** A picture of a larger network has no wires. */
const MANY = 60;

/** @type {Map<string, Promise<Stage|null>>} the networks of labs, by name */
const stages = new Map();
/** The content of the cards, to draw them only after a change. */
let shown = "";

// ------------------------------------------------------------------------------------------------ coming in

/** Take the code out of the address: the history and copied addresses must not contain it. */
function takeCode() {
  if (!location.pathname.endsWith("/login")) return "";
  const code = location.hash.slice(1);
  history.replaceState(null, "", at("/"));
  return code;
}

/**
 * Open a session. Throws Refused.
 * @param {string} code that was printed, with its address or without, or a token
 */
async function enter(code) {
  const found = await (await post("/api/v1/session", { code })).json();
  localStorage.setItem(KEY, found.key);
}

/** Show the form for the code or a token. */
function offerLogin() {
  const form = byId("login");
  say("");
  form.hidden = false;
  byId("secret").focus();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const secret = /** @type {HTMLInputElement} */ (byId("secret"));
    enter(secret.value.trim()).then(
      () => location.replace(at("/")),
      (error) => {
        byId("refusal").textContent = plain(error.message);
        secret.select();
      },
    );
  });
}

// ------------------------------------------------------------------------------------------------ labs that run

/** @param {Who} who */
async function look(who) {
  /** @type {Lab[]} */
  const labs = await (await ask(LABS)).json();
  /** @type {Desk[]} a server with one router alone has none */
  const desks = await ask("/api/v1/class").then((answer) => answer.json(), () => []);
  const known = new Map(desks.map((desk) => [desk.lab, desk]));
  const now = JSON.stringify([labs, desks.map(({ lab, silent, running, routers, complaint }) => [lab, silent, running, routers, complaint])]);
  say("live");
  if (now === shown) return;
  shown = now;
  for (const name of stages.keys()) if (!labs.some((lab) => lab.name === name)) stages.delete(name);
  const count = labs.filter((lab) => !lab.service).length;
  byId("summary").textContent = count === 1 ? "1 lab runs" : `${count || "no"} labs run`;
  if (count > 0) byId("summary").append(", ", element("a", { href: at("/class") }, "as a table"));
  byId("labs").replaceChildren(...labs.map((lab) => card(lab, known.get(lab.name), who)));
}

/**
 * @param {Lab} lab
 * @param {Desk|undefined} desk
 * @param {Who} who
 */
function card(lab, desk, who) {
  const [running, all] = [desk?.running ?? lab.routers.length, desk?.routers ?? lab.routers.length];
  const isBad = desk !== undefined && (desk.silent || running < all);
  const state = desk?.silent ? "not responding" : `${running} of ${all} routers run`;
  const made = element("li", { class: "card", "data-lab": lab.name });
  if (lab.service) {
    made.append(element("h2", {}, lab.name), element("p", { class: "state" }, `A service: ${lab.routers.join(", ")}`));
    made.append(element("p", { class: "hint" }, "It has no map. Use the API, or its prompt: dmvpn shell."));
    return made;
  }
  const about = element("p", { class: "hint" });
  const picture = element("div", { class: "picture" });
  made.append(picture, element("h2", {}, linkTo(lab.name)), about);
  made.append(element("p", { class: isBad ? "state bad" : "state" }, state + (desk?.simulated ? ", simulated" : "")));
  if (desk?.complaint) made.append(element("p", { class: "complaint" }, desk.complaint));
  if (who.role === "configure") made.append(end(lab.name));
  stageOf(lab.name).then((/** @type {Stage|null} */ stage) => {
    if (stage === null) return;
    about.textContent = plain(stage.title);
    picture.append(thumbnail(stage));
  });
  return made;
}

/**
 * Return the button that ends a lab.
 * @param {string} lab
 */
function end(lab) {
  const button = /** @type {HTMLButtonElement} */ (element("button", { type: "button", class: "end" }, "End"));
  button.setAttribute("aria-label", `End ${plain(lab)}`);
  button.addEventListener("click", async () => {
    if (!(await agreed(`End ${lab}?`, "It ends for all its users, and unsaved changes are lost.", "End"))) return;
    button.disabled = true;
    ask(`${LABS}/${encodeURIComponent(lab)}`, { method: "DELETE" }).then(
      () => byId("labs").querySelector(`[data-lab="${CSS.escape(lab)}"]`)?.remove(),
      (error) => say(error.message, true),
    );
  });
  return button;
}

/** @param {string} lab */
function stageOf(lab) {
  const known = stages.get(lab);
  if (known !== undefined) return known;
  const asked = ask(`${LABS}/${encodeURIComponent(lab)}/stage?of=file`).then(
    (answer) => answer.json(),
    () => {
      stages.delete(lab); // a lab that comes up does not answer yet: the next card asks again
      return null;
    },
  );
  stages.set(lab, asked);
  return asked;
}

/**
 * Return a small picture of a network: hubs, spokes and tunnels, without names.
 * @param {Stage} stage
 */
export function thumbnail(stage) {
  const places = layout(stage);
  const { left, top: above, width, height } = extent(places);
  const size = Math.max(width, height, 1);
  const kinds = new Map(stage.nodes.map((node) => [node.name, node.kind]));
  const wires = kinds.size > MANY ? [] : stage.wires.map((wire) => ({ ends: wire.ends.map(([name]) => name), looks: "wire" }));
  const tunnels = stage.tunnels.map(({ here, there }) => ({ ends: [here, there], looks: "tunnel" }));
  const lines = [...wires, ...tunnels].flatMap(({ ends, looks }) => {
    const [from, to] = ends.map((name) => places.get(name));
    return from && to ? [drawn("line", { class: looks, x1: from.x, y1: from.y, x2: to.x, y2: to.y })] : [];
  });
  const nodes = [...places].map(([name, { x, y }]) => {
    const kind = kinds.get(name) ?? "";
    const radius = Math.min(0.05, 0.6 / places.size) * size;
    return drawn("circle", { class: kind, cx: x, cy: y, r: kind === "hub" ? radius * 1.4 : kind === "host" ? radius / 2 : radius });
  });
  const edge = size * 0.08;
  const box = [left - edge, above - edge, Math.max(width, 1) + 2 * edge, Math.max(height, 1) + 2 * edge].join(" ");
  return drawn("svg", { viewBox: box, "aria-hidden": "true" }, ...lines, ...nodes);
}

// ------------------------------------------------------------------------------------------------ new labs

/** @param {Who} who */
function offer(who) {
  if (who.role !== "configure" || who.serves || who.without.includes("up")) return;
  const beginning = who.labs.replace("*", "");
  byId("more").hidden = false;
  offerBuiltIn(beginning).catch((error) => say(error.message, true));
  offerUpload(beginning);
}

/** @param {string} beginning of the names of the user's labs; "": any name */
async function offerBuiltIn(beginning) {
  const scenario = /** @type {HTMLSelectElement} */ (byId("scenario"));
  const [called, simulated] = ["called", "virtual"].map((id) => /** @type {HTMLInputElement} */ (byId(id)));
  scenario.replaceChildren(element("option", { value: "" }, "loading"));
  /** @type {Scenario[]} */
  const found = await (await ask("/api/v1/scenarios")).json();
  const topics = [...new Set(found.map(({ topic }) => topic))];
  const groups = topics.map((topic) => {
    const some = found.filter((one) => one.topic === topic && one.lacks.length === 0);
    return element("optgroup", { label: topic }, ...some.map(({ name }) => element("option", { value: name }, name)));
  });
  scenario.replaceChildren(...groups);
  const choose = () => {
    const one = found.find(({ name }) => name === scenario.value);
    called.value = beginning + scenario.value;
    byId("about").textContent = plain(one?.title ?? "");
  };
  scenario.value = "notes-phase3";
  choose();
  scenario.addEventListener("change", choose);
  const form = byId("built-in");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = { scenario: scenario.value, name: called.value, simulated: simulated.checked };
    bringUp(form, called.value, (report) => ended(LABS, "", wanted, { report }));
  });
}

/** @param {string} beginning of the names of the user's labs; "": any name */
function offerUpload(beginning) {
  const [name, folder, simulated] = ["name", "folder", "simulated"].map((id) => /** @type {HTMLInputElement} */ (byId(id)));
  name.value = beginning;
  folder.addEventListener("change", () => {
    const [above] = (folder.files?.[0]?.webkitRelativePath ?? "").split("/");
    name.value = beginning + (above ?? "").replace(/[^A-Za-z0-9_.-]+/g, "-");
  });
  const form = byId("upload");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const path = `${LABS}/${encodeURIComponent(name.value)}`;
    bringUp(form, name.value, async (report) => {
      const texts = await Promise.all([...(folder.files ?? [])].map(async (file) => [pathIn(file), await file.text()]));
      return ended(path, "", { files: Object.fromEntries(texts), simulated: simulated.checked }, { method: "PUT", report });
    });
  });
}

/** @param {File} file of a folder: its path there */
function pathIn(file) {
  return file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
}

/**
 * Bring a lab up, and show the progress.
 * @param {HTMLElement} form
 * @param {string} lab
 * @param {(report: (job: Job) => void) => Promise<Job>} begin
 */
async function bringUp(form, lab, begin) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const said = byId("said");
  const { shown: line, report } = progress(`${lab} comes up:`);
  said.replaceChildren(line);
  byId("notes").replaceChildren();
  button.disabled = true;
  try {
    const job = await begin(report);
    said.replaceChildren(linkTo(job.lab), job.state === "done" ? " is up." : " is up, but not ready.");
    byId("notes").replaceChildren(...job.notes.map((note) => element("li", {}, note)));
  } catch (error) {
    said.replaceChildren(element("span", { class: "bad" }, error instanceof Error ? error.message : String(error)));
  }
  button.disabled = false;
}

// ------------------------------------------------------------------------------------------------ the beginning

async function main() {
  const code = takeCode();
  const refusal = code === "" ? "" : await enter(code).then(() => "", (error) => error.message);
  /** @type {Who} */
  let who;
  try {
    who = await top();
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    byId("refusal").textContent = plain(refusal);
    offerLogin();
    return;
  }
  if (refusal !== "") {
    offerLogin();
    byId("refusal").textContent = plain(`${refusal}; this browser is still logged in as ${who.user}`);
  } else if (code !== "") {
    /** @type {Lab[]} */
    const labs = await (await ask(LABS)).json();
    if (labs.length === 1 && !labs[0].service) location.assign(at(`/labs/${encodeURIComponent(labs[0].name)}`));
  }
  offer(who);
  for (;;) {
    if (!document.hidden) {
      await look(who).catch((error) => {
        if (error instanceof Refused && error.status < 500) throw error;
        say(`disconnected: ${error.message}`, true);
      });
    }
    await pause(OFTEN);
  }
}

main().catch((error) => {
  if (error instanceof Refused && error.status === 401) location.replace(at("/"));
  else say(error.message, true);
});
