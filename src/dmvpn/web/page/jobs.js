/**
 * Orders to a lab: break, hint, grade, reset, doctor, walk. A long one is a job, which is asked until it ends.
 *
 * @typedef {{state: string, notes: string[], result: Record<string, any>|null, what: string, lab: string}} Job
 * @typedef {{title: string, good: boolean, now: string, hint: string}} Check
 */

import { ask, post } from "./feed.js";

/** Milliseconds between two questions about a job. */
const OFTEN = 500;
/** Paths of labs with an order on its way. @type {Set<string>} */
const waiting = new Set();

/**
 * Return whether an order to a lab is on its way.
 * @param {string} path of the lab's resources
 */
export function busy(path) {
  return waiting.has(path);
}

/**
 * Give an order to a lab, and wait for its end. Throws Refused, or an Error with what the job said.
 * @param {string} path of the lab's resources
 * @param {string} what to do; "": the order is for the lab itself
 * @param {object} details of the order
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
 * Return what came of an order, as a sentence.
 * @param {Job} job
 */
export function answered(job) {
  const result = job.result ?? {};
  if (job.what === "break") return "broken";
  if (job.what === "reset") return "begun again";
  if (job.what === "hint") return result.hint ?? "";
  /** @type {Check[]} */
  const checks = result.checks ?? [];
  const left = checks.filter((check) => !check.good);
  return left.length === 0 ? "all is well" : `${left.length} of ${checks.length} are not well: ${left[0].title}`;
}
