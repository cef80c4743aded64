/**
 * Orders to a lab that teach: break, hint, grade, reset. A long one is a job, which is asked until it ends.
 *
 * @typedef {{state: string, notes: string[], result: Record<string, any>|null, what: string}} Job
 * @typedef {{title: string, good: boolean, now: string, hint: string}} Check
 */

import { ask } from "./feed.js";

/** Milliseconds between two questions about a job. */
const OFTEN = 500;
/** Labs with an order on its way. @type {Set<string>} */
const waiting = new Set();

/**
 * Return whether an order to a lab is on its way.
 * @param {string} lab
 */
export function busy(lab) {
  return waiting.has(lab);
}

/**
 * Give an order to a lab, and wait for its end. Throws Refused, or an Error with what the job said.
 * @param {string} lab
 * @param {string} order
 * @returns {Promise<Job>}
 */
export async function ended(lab, order) {
  if (waiting.has(lab)) throw new Error("the lab is busy");
  waiting.add(lab);
  try {
    const answer = await ask(`/api/v1/labs/${encodeURIComponent(lab)}/${order}`, { method: "POST" });
    /** @type {Job} */
    let job = await answer.json();
    if (answer.status !== 202) return { state: "done", notes: [], result: job.result ?? null, what: order };
    const place = answer.headers.get("Location") ?? "";
    while (job.state === "running") {
      await new Promise((done) => setTimeout(done, OFTEN));
      job = await (await ask(place)).json();
    }
    // A grade that is not good ends as failed, with its checks.
    if (job.state === "failed" && job.result === null) throw new Error(job.notes.join(" ") || `${order} failed`);
    return job;
  } finally {
    waiting.delete(lab);
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
