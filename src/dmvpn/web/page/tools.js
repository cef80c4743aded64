/**
 * The tools of a lab that runs: doctor, lint, walk, lesson. Each one is a panel beside the map, and may put something over
 * the map while it is open.
 *
 * @typedef {import("./overlay.js").Overlay} Overlay
 * @typedef {import("./film.js").Stage} Stage
 *
 * @typedef {object} Desk what a panel works with
 * @property {string} path of the lab's resources
 * @property {string} role of the user: "view", "operate", "configure"
 * @property {string[]} without tools that the teacher has switched off, as in an exam
 * @property {Stage} stage
 * @property {(overlay: Overlay) => void} put over the map
 * @property {(router: string) => void} choose
 * @property {(...children: (Node|string)[]) => void} show in the panel
 */

import { doctor } from "./doctor.js";
import { byId, element } from "./dom.js";
import { lesson } from "./lesson.js";
import { lint } from "./lint.js";
import { NOTHING } from "./overlay.js";
import { walk } from "./walk.js";

/** often: it starts again whenever its panel is shown, because it is quick and its answer changes. */
const TOOLS = [
  { name: "Doctor", title: "Faults, and the lines that fix them", roles: ["configure"], open: doctor },
  { name: "Walk", title: "The path of one packet, hop by hop", roles: ["operate", "configure"], open: walk },
  { name: "Lint", title: "Errors, warnings and advice on the running configurations", roles: ["configure"], open: lint },
  { name: "Lesson", title: "Break something, get hints, get a grade", roles: ["view", "operate", "configure"], open: lesson, often: true },
];

/**
 * Add the panels of the tools that the user may use.
 * @param {import("./panels.js").Panels} panels
 * @param {Omit<Desk, "show">} base
 */
export function tools(panels, base) {
  const panel = byId("tool");
  for (const tool of TOOLS.filter(({ name, roles }) => roles.includes(base.role) && !base.without.includes(name.toLowerCase()))) {
    const body = element("div");
    const head = element("h2", {}, tool.name, " ", element("small", {}, tool.title));
    let over = NOTHING;
    let isBegun = false;
    /** @type {Desk} */
    const desk = {
      ...base,
      put: (overlay) => {
        over = overlay;
        if (panels.open === tool.name) base.put(over);
      },
      show: (...children) => body.replaceChildren(...children),
    };
    panels.add(tool.name, tool.title, panel, () => {
      panel.replaceChildren(head, body);
      base.put(over);
      if (isBegun && !tool.often) return;
      isBegun = true;
      if (!tool.often || body.childElementCount === 0) desk.show(element("p", { class: "hint" }, element("span", { class: "spin" }), "Working …"));
      Promise.resolve(tool.open(desk)).catch((/** @type {Error} */ error) => {
        isBegun = false;
        desk.show(element("p", { class: "bad" }, error.message));
      });
    });
  }
}
