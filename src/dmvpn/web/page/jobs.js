/**
 * Actions on a lab: break, hint, grade, reset, doctor, walk. A long one is a job, which is polled until it ends.
 *
 * @typedef {{state: string, notes: string[], result: Record<string, any>|null, what: string, lab: string}} Job
 * @typedef {{title: string, good: boolean, now: string, hint: string}} Check
 */

import { ask, post } from "./feed.js";

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
 * @param {string} method
 * @returns {Promise<Job>}
 */
export async function ended(path, what, details = {}, method = "POST") {
  if (waiting.has(path)) throw new Error("the lab is busy");
  waiting.add(path);
  try {
    const answer = await post(what ? `${path}/${what}` : path, details, { method });
    /** @type {Job} */
    let job = await answer.json();
    if (answer.status !== 202) return { ...job, state: "done", notes: [], result: job.result ?? null, what };
    const place = answer.headers.get("Location") ?? "";
    while (job.state === "running") {
      await new Promise((done) => setTimeout(done, OFTEN));
      job = await (await ask(place)).json();
    }
    // A lab that came up and is not ready ends as failed, with a result.
    if (job.state === "failed" && job.result === null) throw new Error(job.notes.join(" ") || `${what} failed`);
    return job;
  } finally {
    waiting.delete(path);
  }
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
