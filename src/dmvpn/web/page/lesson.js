/**
 * The lesson of a lab: the tasks of an exercise, or a user's complaint about a fault, hints, and the grade.
 *
 * @typedef {import("./tools.js").Desk} Desk
 * @typedef {import("./jobs.js").Job} Job
 * @typedef {import("./jobs.js").Check} Check
 * @typedef {{complaint: string, hints: string[], of: number,
 *   exercise: {title: string, minutes: number, tasks: string[]}|null}} Lesson
 */

import { agreed, RESET } from "./asking.js";
import { element } from "./dom.js";
import { ask } from "./feed.js";
import { ended, progress } from "./jobs.js";

/**
 * Show the lesson.
 * @param {Desk} desk
 */
export async function lesson(desk) {
  await present(desk, []);
}

/**
 * @param {Desk} desk
 * @param {Check[]} checks of the last grade
 * @param {string} said
 * @param {boolean} wasReset just now
 */
async function present(desk, checks, said = "", wasReset = false) {
  /** @type {Lesson} */
  const now = await (await ask(`${desk.path}/lesson`)).json();
  const mayAct = desk.role !== "view";
  const may = (/** @type {string} */ what) => !desk.without.includes(what);
  const parts = [];
  if (now.complaint) {
    parts.push(element("p", { class: "complaint" }, now.complaint));
    parts.push(element("ol", {}, ...now.hints.map((hint) => element("li", {}, hint))));
    if (mayAct && may("hint") && now.hints.length < now.of) parts.push(action(desk, "hint", `Hint ${now.hints.length + 1} of ${now.of}`));
  } else if (now.exercise) {
    parts.push(element("p", {}, `${now.exercise.title}, about ${now.exercise.minutes} minutes`));
    if (checks.length === 0) parts.push(element("ol", {}, ...now.exercise.tasks.map((task) => element("li", {}, task))));
  } else {
    parts.push(element("p", {}, "Nothing is broken. Break something, then find the fault."));
  }
  parts.push(...graded(checks));
  if (said) parts.push(element("p", { role: "status" }, said));
  if (mayAct) {
    if (may("grade") && (now.complaint || now.exercise)) parts.push(action(desk, "grade", "Grade"));
    if (!now.complaint) parts.push(action(desk, "break", "Break something"));
    if (may("reset") && desk.role === "configure") parts.push(action(desk, "reset", "Reset"));
    if (wasReset) parts.push(action(desk, "reset", "Undo the reset", { undo: true }));
  }
  desk.show(...parts);
}

/**
 * @param {Desk} desk
 * @param {string} what
 * @param {string} title
 * @param {object} details
 */
function action(desk, what, title, details = {}) {
  const button = /** @type {HTMLButtonElement} */ (element("button", { type: "button" }, title));
  button.addEventListener("click", async () => {
    if (title === "Reset" && !(await agreed("Reset the lab?", RESET, title))) return;
    button.disabled = true;
    const { shown, report } = progress(`${title}:`);
    button.after(shown);
    ended(desk.path, what, details, { report }).then(
      (job) => present(desk, job.result?.checks ?? [], what === "grade" && !job.result ? "" : outcome(job), title === "Reset"),
      (error) => present(desk, [], error.message),
    );
  });
  return button;
}

/** @param {Job} job */
function outcome(job) {
  if (job.what !== "grade") return "";
  const left = (job.result?.checks ?? []).filter((/** @type {Check} */ check) => !check.good).length;
  return left === 0 ? "Done: all checks passed." : `Not yet: ${left === 1 ? "1 check fails" : `${left} checks fail`}.`;
}

/** @param {Check[]} checks */
function graded(checks) {
  if (checks.length === 0) return [];
  const [left, good] = [checks.filter((check) => !check.good), checks.filter((check) => check.good)];
  const rest = element("details", {}, element("summary", { class: "direct" }, `✓ ${good.length} passed`));
  rest.append(element("ul", { class: "checks" }, ...good.map((check) => element("li", {}, check.title))));
  return [element("ul", { class: "checks" }, ...left.map(missing)), rest];
}

/** @param {Check} check that is not good */
function missing(check) {
  const more = [check.now, check.hint].filter(Boolean).map((text) => element("p", { class: "hint" }, text));
  return element("li", {}, element("span", { class: "bad" }, `× ${check.title}`), ...more);
}
