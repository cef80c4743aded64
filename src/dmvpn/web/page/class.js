/**
 * The labs of a class, for its teacher: its students, faults, and use of memory and processor.
 *
 * @typedef {{lab: string, student: string, scenario: string, silent: boolean, running: number, routers: number,
 *   complaint: string, hints: number, fixed: number, memory: number, processor: number}} Desk
 */

import { agreed, RESET } from "./asking.js";
import { byId, element, say } from "./dom.js";
import { ask, pause, Refused } from "./feed.js";
import { answered, busy, ended } from "./jobs.js";
import { lead, linkTo, top } from "./top.js";

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
  return element(
    "tr",
    { "data-lab": desk.lab },
    element("th", { scope: "row" }, desk.student || "–"),
    element("td", {}, linkTo(desk.lab)),
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
    button.addEventListener("click", async () => {
      if (action === "Reset" && !(await agreed(`Reset ${desk.lab}?`, RESET, action))) return;
      act(desk.lab, action.toLowerCase());
    });
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

async function main() {
  mayBreak = (await top()).role === "configure";
  for (;;) {
    await look().catch((error) => {
      if (error instanceof Refused && error.status < 500) throw error;
      say(`disconnected: ${error.message}`, true);
    });
    await pause(OFTEN);
  }
}

main().catch(lead);
