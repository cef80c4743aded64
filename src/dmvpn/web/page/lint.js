/**
 * The linter's findings in the running configurations: numbers at their routers, and a list with line, rule and remedy.
 *
 * @typedef {import("./tools.js").Desk} Desk
 * @typedef {import("./overlay.js").Mark} Mark
 * @typedef {"error"|"warning"|"advice"} Severity
 * @typedef {object} Finding
 * @property {string} rule
 * @property {Severity} severity
 * @property {string} file the router, as the lab names it
 * @property {number} line of its running configuration
 * @property {string} what
 * @property {string} why
 * @property {string} fix lines of a configuration, or ""
 * @typedef {{findings: Finding[], counts: Record<Severity, number>}} Linted
 */

import { element } from "./dom.js";
import { ask } from "./feed.js";
import { NOTHING } from "./overlay.js";

/** The worst first: the letter on the map, the color there, and the class of a heading. */
const SEVERITIES = /** @type {const} */ ([
  { name: "error", many: "errors", letter: "E", color: "broken" },
  { name: "warning", many: "warnings", letter: "W", color: "waiting" },
  { name: "advice", many: "pieces of advice", letter: "A", color: "registered" },
]);

/**
 * Lint the lab.
 * @param {Desk} desk
 */
export async function lint(desk) {
  present(desk, /** @type {Linted} */ (await (await ask(`${desk.path}/lint`)).json()));
}

/**
 * Return a mark for each router: how many findings of each severity it has, in the color of the worst.
 * @param {Finding[]} findings
 * @returns {Mark[]}
 */
export function marks(findings) {
  const routers = [...new Set(findings.map((finding) => finding.file))];
  return routers.map((node) => {
    const counted = SEVERITIES.map((severity) => ({
      ...severity,
      count: findings.filter((finding) => finding.file === node && finding.severity === severity.name).length,
    })).filter(({ count }) => count > 0);
    return { node, text: counted.map(({ letter, count }) => `${letter}${count}`).join(" "), color: counted[0]?.color ?? "faint" };
  });
}

/**
 * @param {Desk} desk
 * @param {Linted} linted
 */
function present(desk, { findings, counts }) {
  desk.put({ ...NOTHING, marks: marks(findings) });
  const again = element("button", { type: "button" }, "Run again");
  again.addEventListener("click", () => lint(desk).catch((error) => desk.show(element("p", { class: "bad" }, error.message))));
  const said = SEVERITIES.map(({ name, many, letter }) => `${counts[name]} ${counts[name] === 1 ? name : many} (${letter})`);
  const sections = SEVERITIES.flatMap(({ name, many, color }) => {
    const some = findings.filter((finding) => finding.severity === name);
    if (some.length === 0) return [];
    const list = element("ol", { class: "findings" }, ...some.map((finding) => row(desk, finding)));
    return [element("h3", { class: color === "broken" ? "bad" : color }, `${some.length} ${some.length === 1 ? name : many}`), list];
  });
  desk.show(element("p", { role: "status" }, findings.length === 0 ? "No findings." : said.join(", ")), ...sections, again);
}

/**
 * @param {Desk} desk
 * @param {Finding} finding
 */
function row(desk, finding) {
  const place = element("button", { type: "button", class: "link" }, `${finding.file} line ${finding.line}`);
  place.addEventListener("click", () => desk.choose(finding.file));
  const parts = [
    element("p", {}, place, ` ${finding.what} `, element("code", {}, finding.rule)),
    element("p", { class: "hint" }, finding.why),
  ];
  if (finding.fix) parts.push(element("pre", {}, finding.fix));
  return element("li", {}, ...parts);
}
