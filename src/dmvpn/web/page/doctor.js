/**
 * The doctor's verdict: findings with their evidence, marks at their routers, and a button that tries the lines and applies them.
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
 * @typedef {{healthy: boolean, health: string, findings: Finding[], hypotheses: any[], fine: {step: string, what: string}[]}} Verdict
 */

import { element } from "./dom.js";
import { post } from "./feed.js";
import { ended, progress } from "./jobs.js";
import { NOTHING } from "./overlay.js";

/**
 * Examine the lab.
 * @param {Desk} desk
 */
export async function doctor(desk) {
  const { shown, report } = progress("The doctor examines all routers, sends pings and tries fixes in a copy:");
  desk.show(shown);
  const job = await ended(desk.path, "doctor", {}, { report });
  present(desk, /** @type {Verdict} */ (job.result));
}

/**
 * @param {Desk} desk
 * @param {Verdict} verdict
 */
function present(desk, verdict) {
  desk.put({
    ...NOTHING,
    marks: verdict.findings.map((finding, place) => ({
      node: finding.router,
      text: String(place + 1),
      color: finding.advice ? "waiting" : "broken",
    })),
  });
  const again = element("button", { type: "button" }, "Run again");
  again.addEventListener("click", () => doctor(desk).catch((error) => desk.show(String(error.message))));
  const fine = element("details", {}, element("summary", {}, `${verdict.fine.length} checks passed`));
  fine.append(element("ul", {}, ...verdict.fine.map((each) => element("li", {}, `${each.step}: ${each.what}`))));
  desk.show(
    element("p", verdict.healthy ? { class: "direct" } : { class: "bad" }, said(verdict)),
    element("ol", { class: "findings" }, ...verdict.findings.map((finding) => row(desk, finding))),
    fine,
    again,
  );
}

/**
 * @param {Verdict} verdict
 */
function said(verdict) {
  if (verdict.health === "cut off, perhaps on purpose") return "Nothing is broken, but sites or hosts are cut off. Is that intended?";
  return verdict.healthy ? "No faults found." : "";
}

/**
 * @param {Desk} desk
 * @param {Finding} finding
 */
function row(desk, finding) {
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
    const button = element("button", { type: "button" }, `Try these lines on ${finding.router}`);
    button.addEventListener("click", () =>
      attempt(desk, finding, said).catch((error) => said.replaceChildren(element("span", { class: "bad" }, error.message))),
    );
    parts.push(element("pre", {}, finding.fix.join("\n")), button, said);
  }
  return element("li", {}, ...parts);
}

/**
 * Try the lines of a finding, show the changes, and apply them if the user agrees.
 * @param {Desk} desk
 * @param {Finding} finding
 * @param {HTMLElement} said
 */
async function attempt(desk, finding, said) {
  const place = `${desk.path}/routers/${encodeURIComponent(finding.router)}/configuration`;
  const lines = finding.fix;
  const { differences } = await (await post(place, { lines, dry_run: true })).json();
  const agree = element("button", { type: "button" }, "Apply");
  const leave = element("button", { type: "button" }, "Cancel");
  const refuse = (/** @type {Error} */ error) => said.replaceChildren(element("span", { class: "bad" }, error.message));
  agree.addEventListener("click", () => {
    post(place, { lines }).then(() => said.replaceChildren("Applied. Run the doctor again in a moment."), refuse);
  });
  leave.addEventListener("click", () => said.replaceChildren());
  said.replaceChildren(`Changes on ${finding.router}:`, element("pre", {}, differences.join("\n")), agree, " ", leave);
}
