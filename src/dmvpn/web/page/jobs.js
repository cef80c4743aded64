/**
 * Actions on a lab: break, hint, grade, reset, doctor, walk. A long one is a job, which is polled until it ends.
 *
 * @typedef {{id: string, state: string, notes: string[], result: Record<string, any>|null, what: string, lab: string}} Job
 * @typedef {{title: string, good: boolean, now: string, hint: string}} Check
 */

import { element } from "./dom.js";
import { ask, pause, post } from "./feed.js";

/** Milliseconds between two polls of a job. */
const OFTEN = 500;
/** Paths of labs with an action in progress. @type {Set<string>} */
const waiting = new Set();

/**
 * Return whether an action on a lab is in progress.
 * @param {string} path of the lab's resources
 */
export function busy(path) {
  return waiting.has(path);
}

/**
 * Start an action on a lab, and wait for its end. Throws Refused, or an Error with the notes of the job.
 * @param {string} path of the lab's resources
 * @param {string} what the action; "": a request to the lab itself
 * @param {object} details of the action
 * @param {{method?: string, report?: (job: Job) => void}} more report: is called with the job after each poll
 * @returns {Promise<Job>}
 */
export async function ended(path, what, details = {}, { method = "POST", report = () => {} } = {}) {
  if (waiting.has(path)) throw new Error("the lab is busy");
  waiting.add(path);
  try {
    const answer = await post(what ? `${path}/${what}` : path, details, { method });
    /** @type {Job} */
    let job = await answer.json();
    if (answer.status !== 202) return { ...job, state: "done", notes: [], result: job.result ?? null, what };
    const place = answer.headers.get("Location") ?? "";
    while (job.state === "running") {
      await pause(OFTEN);
      job = await (await ask(place)).json();
      report(job);
    }
    // A lab that came up and is not ready ends as failed, with a result.
    if (job.state === "failed" && job.result === null) throw new Error(job.notes.join(" ") || `${what} failed`);
    return job;
  } finally {
    waiting.delete(path);
  }
}

/**
 * Return a line about a job with a button that breaks it off, and a function that writes into it how long the job has run,
 * and its last note.
 * @param {string} about
 * @returns {{shown: HTMLElement, report: (job?: Job) => void}}
 */
export function progress(about) {
  const line = element("span");
  const stop = /** @type {HTMLButtonElement} */ (element("button", { type: "button", hidden: "" }, "Break off"));
  const shown = element("p", { class: "hint" }, element("span", { class: "spin" }), line, " ", stop);
  const began = performance.now();
  const report = (/** @type {Job|undefined} */ job) => {
    const note = job?.notes.at(-1) ?? "";
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    line.textContent = `${about} ${seconds} s${note && `: ${note}`}`;
    stop.hidden = job === undefined;
    stop.onclick = () => {
      stop.disabled = true;
      ask(`/api/v1/jobs/${job?.id}`, { method: "DELETE" }).catch((error) => (line.textContent = error.message));
    };
  };
  report();
  return { shown, report };
}

/**
 * Return the result of an action, as a sentence.
 * @param {Job} job
 */
export function answered(job) {
  const result = job.result ?? {};
  if (job.what === "break") return "a fault was added";
  if (job.what === "reset") return "reset";
  if (job.what === "hint") return result.hint ?? "";
  /** @type {Check[]} */
  const checks = result.checks ?? [];
  const left = checks.filter((check) => !check.good);
  return left.length === 0 ? "all checks passed" : `${left.length} of ${checks.length} checks failed: ${left[0].title}`;
}
