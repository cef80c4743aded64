/**
 * The labs of a class, for its teacher: its students, faults, and use of memory and processor.
 *
 * @typedef {{lab: string, student: string, scenario: string, silent: boolean, running: number, routers: number,
 *   complaint: string, hints: number, fixed: number, graded: number, checks: number, left: string[], memory: number,
 *   processor: number}} Desk
 */

import { agreed, RESET } from "./asking.js";
import { byId, element, plain, save, say } from "./dom.js";
import { ask, pause, post, Refused } from "./feed.js";
import { answered, busy, ended } from "./jobs.js";
import { lead, linkTo, top } from "./top.js";

/** Milliseconds between two polls. */
const OFTEN = 3000;
const MIB = 1048576;
/** Labs on which an action for all works at a time: the server has more jobs, which other users need. */
const AT_A_TIME = 2;
/** Milliseconds until the next try where the server has no room for a job. */
const NO_ROOM = 2000;
/** The largest seed that the page draws. */
const SEEDS = 1_000_000;

/** Processor seconds of each lab at the last poll, and the time of it. @type {Map<string, {used: number, at: number}>} */
const before = new Map();
/** The last result of each lab. @type {Map<string, string>} */
const answers = new Map();
let mayBreak = false;
/** @type {Desk[]} the labs at the last poll */
let desks = [];

async function look() {
  const answer = await ask("/api/v1/class");
  desks = await answer.json();
  const now = performance.now() / 1000;
  byId("labs").replaceChildren(...desks.map((desk) => row(desk, now)));
  const broken = desks.filter((desk) => desk.complaint).length;
  const silent = desks.filter((desk) => desk.silent).length;
  byId("summary").textContent =
    `${desks.length === 1 ? "1 lab" : `${desks.length} labs`}, ${broken} with a fault` + (silent ? `, ${silent} not responding` : "");
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
    number(`${(desk.memory / MIB).toFixed(0)} MiB`),
    number(`${share.toFixed(0)} %`),
    grade(desk),
    number(desk.fixed),
    number(desk.hints),
    element("td", {}, desk.complaint),
    element("td", {}, ...(mayBreak ? buttons(desk) : [])),
    element("td", {}, busy(pathOf(desk.lab)) ? "…" : (answers.get(desk.lab) ?? "")),
  );
}

/** @param {string|number} value */
function number(value) {
  return element("td", { class: "number" }, String(value));
}

/**
 * Return how many tasks or checks the last grade found done; its title has the time, and the tasks that are left.
 * @param {Desk} desk
 */
function grade({ graded, checks, left }) {
  if (!graded) return number("");
  const [all, bar] = [String(checks), element("progress", { max: String(checks), value: String(checks - left.length) })];
  const cell = element("td", { class: "number" }, `${checks - left.length} of ${all} `, bar);
  cell.title = plain([`Graded at ${new Date(graded * 1000).toLocaleTimeString()}`, ...left].join("\n"));
  bar.setAttribute("aria-label", "passed");
  return cell;
}

/** @param {Desk} desk */
function buttons(desk) {
  const actions = desk.complaint ? ["Grade", "Reset"] : ["Break", "Reset"];
  return actions.map((action) => {
    const button = element("button", { type: "button", ...(busy(pathOf(desk.lab)) ? { disabled: "" } : {}) }, action);
    button.addEventListener("click", async () => {
      if (action === "Reset" && !(await agreed(`Reset ${desk.lab}?`, RESET, action))) return;
      act(desk.lab, action.toLowerCase(), {});
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
 * @param {object} details
 */
async function act(lab, action, details) {
  const end = begun(lab, action, details).then(answered, (error) => error.message);
  await look();
  answers.set(lab, await end);
  await look();
}

/**
 * Begin an action as soon as the server has room for a job, and wait for its end. Throws Refused, or an Error.
 * @param {string} lab
 * @param {string} action
 * @param {object} details
 * @returns {Promise<import("./jobs.js").Job>}
 */
async function begun(lab, action, details) {
  for (;;) {
    try {
      return await ended(pathOf(lab), action, details);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 503) throw error;
    }
    await pause(NO_ROOM);
  }
}

// ------------------------------------------------------------------------------------------------ the whole class

/** @param {string} action for the labs of all students */
async function actOnAll(action) {
  const students = desks.filter(({ student, complaint }) => student && !(action === "Break" && complaint));
  const which = students.length === 1 ? "1 lab" : `${students.length} labs`;
  if (action === "Reset" && !(await agreed(`Reset ${which}?`, RESET, "Reset all"))) return;
  const seed = Number(/** @type {HTMLInputElement} */ (byId("seed")).value) || 1 + Math.floor(Math.random() * SEEDS);
  const details = action === "Break" ? { seed } : {};
  let done = 0;
  const [left, about] = [[...students], action === "Break" ? `Break with seed ${seed}` : action];
  const note = () => (byId("working").textContent = `${about}: ${done} of ${which}`);
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await act(next.lab, action.toLowerCase(), details).catch((error) => say(error.message, true));
      done += 1;
      note();
    }
  };
  note();
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

function offerAll() {
  const form = byId("all");
  form.hidden = false;
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (form.querySelectorAll("[data-action]"))) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      await actOnAll(button.dataset.action ?? "");
      button.disabled = false;
    });
  }
  const failed = (/** @type {Error} */ error) => say(error.message, true);
  byId("results").addEventListener("click", () => {
    ask("/api/v1/class/results").then(async (answer) => save(await answer.blob(), "class.csv"), failed);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = /** @type {HTMLInputElement} */ (byId("text"));
    post("/api/v1/class/message", { text: text.value.trim() }).then(() => {
      byId("working").textContent = text.value.trim() ? "The message is sent." : "The message is taken back.";
      text.value = "";
    }, failed);
  });
}

async function main() {
  const { role, labs } = await top();
  mayBreak = role === "configure";
  if (mayBreak && !labs) offerAll();
  for (;;) {
    await look().catch((error) => {
      if (error instanceof Refused && error.status < 500) throw error;
      say(`disconnected: ${error.message}`, true);
    });
    await pause(OFTEN);
  }
}

main().catch(lead);
