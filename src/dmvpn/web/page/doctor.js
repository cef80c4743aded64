/**
 * The doctor's verdict: findings with their evidence, marks at their routers, and a button that enters the lines.
 *
 * @typedef {import("./tools.js").Desk} Desk
 * @typedef {object} Finding
 * @property {string} step
 * @property {string} router
 * @property {string} what
 * @property {string[]} evidence
 * @property {string[]} fix lines of a configuration
 * @property {string} order
 * @property {boolean} advice
 * @property {{better: string[], worse: string[], besides: string[]}|null} trial
 * @property {string} decide
 * @typedef {{healthy: boolean, findings: Finding[], hypotheses: any[], fine: {step: string, what: string}[]}} Verdict
 */

import { element } from "./dom.js";
import { ask } from "./feed.js";
import { ended } from "./lesson.js";
import { NOTHING } from "./overlay.js";

/** Minutes after which entered lines are taken back unless the doctor is content. */
const MINUTES = 2;

/**
 * Examine the lab.
 * @param {Desk} desk
 */
export async function doctor(desk) {
  desk.show(element("p", { class: "hint" }, "It looks at all routers, sends pings, and tries lines in a copy: some seconds."));
  const job = await ended(desk.path, "doctor");
  tell(desk, /** @type {Verdict} */ (job.result));
}

/**
 * @param {Desk} desk
 * @param {Verdict} verdict
 */
function tell(desk, verdict) {
  desk.put({
    ...NOTHING,
    marks: verdict.findings.map((finding, place) => ({
      node: finding.router,
      text: String(place + 1),
      color: finding.advice ? "waiting" : "broken",
    })),
  });
  const again = element("button", { type: "button" }, "Look again");
  again.addEventListener("click", () => doctor(desk).catch((error) => desk.show(String(error.message))));
  const fine = element("details", {}, element("summary", {}, `${verdict.fine.length} checks are fine`));
  fine.append(element("ul", {}, ...verdict.fine.map((each) => element("li", {}, `${each.step}: ${each.what}`))));
  desk.show(
    element("p", verdict.healthy ? { class: "direct" } : { class: "bad" }, verdict.healthy ? "All is well." : ""),
    element("ol", { class: "findings" }, ...verdict.findings.map((finding) => told(desk, finding))),
    fine,
    again,
  );
}

/**
 * @param {Desk} desk
 * @param {Finding} finding
 */
function told(desk, finding) {
  const router = element("button", { type: "button", class: "link" }, finding.router);
  router.addEventListener("click", () => desk.choose(finding.router));
  const parts = [
    element("p", {}, router, ` ${finding.what}`),
    element("ul", { class: "addresses" }, ...finding.evidence.map((text) => element("li", {}, text))),
  ];
  for (const text of finding.trial?.better ?? []) parts.push(element("p", { class: "direct" }, `tried in a copy: ${text}`));
  for (const text of finding.trial?.worse ?? []) parts.push(element("p", { class: "bad" }, `but: ${text}`));
  if (finding.decide) parts.push(element("p", {}, finding.decide));
  if (finding.order) parts.push(element("p", {}, element("code", {}, finding.order)));
  if (finding.fix.length > 0) {
    const said = element("p", { role: "status" });
    const button = element("button", { type: "button" }, `Enter these lines at ${finding.router}`);
    button.addEventListener("click", () =>
      enter(desk, finding, said).catch((error) => said.replaceChildren(element("span", { class: "bad" }, error.message))),
    );
    parts.push(element("pre", {}, finding.fix.join("\n")), button, said);
  }
  return element("li", {}, ...parts);
}

/**
 * Enter the lines of a finding: they are taken back after some minutes unless the user keeps them.
 * @param {Desk} desk
 * @param {Finding} finding
 * @param {HTMLElement} said
 */
async function enter(desk, finding, said) {
  const place = `${desk.path}/routers/${encodeURIComponent(finding.router)}/configuration`;
  const body = JSON.stringify({ lines: finding.fix, confirm_within: MINUTES });
  await post(place, body);
  const keep = element("button", { type: "button" }, "Keep them");
  const back = element("button", { type: "button" }, "Take them back");
  keep.addEventListener("click", () => settle(`${place}/confirm`, "kept", said));
  back.addEventListener("click", () => settle(`${place}/revert`, "taken back", said));
  said.replaceChildren(`Entered. They are taken back in ${MINUTES} minutes, unless you keep them. `, keep, " ", back);
}

/**
 * @param {string} place
 * @param {string} done
 * @param {HTMLElement} said
 */
async function settle(place, done, said) {
  await post(place, "{}").then(
    () => said.replaceChildren(`The lines are ${done}.`),
    (error) => said.replaceChildren(element("span", { class: "bad" }, error.message)),
  );
}

/**
 * @param {string} place
 * @param {string} body
 */
function post(place, body) {
  return ask(place, { method: "POST", body, headers: { "Content-Type": "application/json" } });
}
