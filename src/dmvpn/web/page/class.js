/**
 * The labs of a class, for its teacher: its students, faults, and use of memory and processor.
 *
 * @typedef {{lab: string, student: string, scenario: string, silent: boolean, running: number, routers: number,
 *   complaint: string, hints: number, fixed: number, memory: number, processor: number}} Desk
 * @typedef {import("./jobs.js").Job} Job
 */

import { byId, element, plain, say } from "./dom.js";
import { ask, Refused } from "./feed.js";
import { answered, busy, ended } from "./jobs.js";

/** Milliseconds between two polls. */
const OFTEN = 3000;
const MIB = 1048576;

/** Processor seconds of each lab at the last poll, and the time of it. @type {Map<string, {used: number, at: number}>} */
const before = new Map();
/** The last result of each lab. @type {Map<string, string>} */
const answers = new Map();
let mayBreak = false;

async function look() {
  const answer = await ask("/api/v1/class");
  /** @type {Desk[]} */
  const desks = await answer.json();
  const now = performance.now() / 1000;
  byId("labs").replaceChildren(...desks.map((desk) => row(desk, now)));
  const broken = desks.filter((desk) => desk.complaint).length;
  const silent = desks.filter((desk) => desk.silent).length;
  byId("summary").textContent =
    `${desks.length} labs, ${broken} with a fault` + (silent ? `, ${silent} not responding` : "");
  if (desks.length === 0) byId("summary").textContent = "No lab is running. Start some: dmvpn class begin SCENARIO STUDENT ...";
  say("live", false);
}

/**
 * @param {Desk} desk
 * @param {number} now seconds
 */
function row(desk, now) {
  const last = before.get(desk.lab);
  const share = last === undefined ? 0 : (100 * Math.max(0, desk.processor - last.used)) / (now - last.at);
  before.set(desk.lab, { used: desk.processor, at: now });
  const isBad = desk.silent || desk.running < desk.routers;
  const running = desk.silent ? "not responding" : `${desk.running} of ${desk.routers}`;
  const routers = element("td", isBad ? { class: "bad" } : {}, running);
  const link = element("a", { href: `/labs/${encodeURIComponent(desk.lab)}` }, desk.lab);
  return element(
    "tr",
    { "data-lab": desk.lab },
    element("th", { scope: "row" }, desk.student || "–"),
    element("td", {}, link),
    routers,
    ...[`${(desk.memory / MIB).toFixed(0)} MiB`, `${share.toFixed(0)} %`, desk.fixed, desk.hints].map((value) =>
      element("td", { class: "number" }, String(value)),
    ),
    element("td", {}, desk.complaint),
    element("td", {}, ...(mayBreak ? buttons(desk) : [])),
    element("td", {}, busy(pathOf(desk.lab)) ? "…" : (answers.get(desk.lab) ?? "")),
  );
}

/** @param {Desk} desk */
function buttons(desk) {
  const actions = desk.complaint ? ["Grade", "Reset"] : ["Break", "Reset"];
  return actions.map((action) => {
    const button = element("button", { type: "button", ...(busy(pathOf(desk.lab)) ? { disabled: "" } : {}) }, action);
    button.addEventListener("click", () => act(desk.lab, action.toLowerCase()));
    return button;
  });
}

/** @param {string} lab */
function pathOf(lab) {
  return `/api/v1/labs/${encodeURIComponent(lab)}`;
}

/**
 * Start an action, and keep its result.
 * @param {string} lab
 * @param {string} action
 */
async function act(lab, action) {
  const end = ended(pathOf(lab), action).then(answered, (error) => error.message);
  await look();
  answers.set(lab, await end);
  await look();
}

/**
 * Offer to bring a lab up from files of the user.
 * @param {string} labs that the user may have, as in "anna-*"; "": any
 */
function offerUpload(labs) {
  const form = byId("upload");
  const name = /** @type {HTMLInputElement} */ (byId("name"));
  const folder = /** @type {HTMLInputElement} */ (byId("folder"));
  const simulated = /** @type {HTMLInputElement} */ (byId("simulated"));
  form.hidden = false;
  name.value = labs.replace("*", "");
  folder.addEventListener("change", () => {
    const [top] = (folder.files?.[0]?.webkitRelativePath ?? "").split("/");
    name.value = labs.replace("*", "") + (top ?? "").replace(/[^A-Za-z0-9_.-]+/g, "-");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    byId("notes").replaceChildren();
    byId("said").textContent = "…";
    upload(name.value, [...(folder.files ?? [])], simulated.checked).then(uploaded, (error) => {
      byId("said").textContent = plain(error.message);
    });
  });
}

/**
 * Send files, and wait until their lab is up.
 * @param {string} lab
 * @param {File[]} files
 * @param {boolean} simulated
 */
async function upload(lab, files, simulated) {
  const texts = await Promise.all(files.map(async (file) => [pathIn(file), await file.text()]));
  return ended(pathOf(lab), "", { files: Object.fromEntries(texts), simulated }, "PUT");
}

/** @param {File} file of a folder: its path there */
function pathIn(file) {
  return file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
}

/** @param {Job} job */
function uploaded(job) {
  const link = element("a", { href: `/labs/${encodeURIComponent(job.lab)}` }, job.lab);
  byId("said").replaceChildren(link, job.state === "done" ? " is up." : " is up, but not ready.");
  byId("notes").replaceChildren(...job.notes.map((note) => element("li", {}, note)));
}

async function main() {
  const who = await (await ask("/api/v1/session")).json();
  mayBreak = who.role === "configure";
  if (mayBreak) offerUpload(who.labs);
  for (;;) {
    await look().catch((error) => {
      if (error instanceof Refused && error.status < 500) throw error;
      say(`disconnected: ${error.message}`, true);
    });
    await new Promise((done) => setTimeout(done, OFTEN));
  }
}

main().catch((error) => {
  say(error.message, true);
  if (error instanceof Refused && error.status === 401) byId("state").append(" ", element("a", { href: "/login" }, "Log in"));
});
