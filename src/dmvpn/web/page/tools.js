/**
 * The tools of a lab that runs: doctor, lint, walk, lesson; and pictures of the moment, which a film has, too. Each one is a
 * panel beside the map; a panel may put something over the map.
 *
 * @typedef {import("./overlay.js").Overlay} Overlay
 * @typedef {import("./film.js").Stage} Stage
 *
 * @typedef {object} Desk what a panel works with
 * @property {string} path of the lab's resources
 * @property {string} role of the user: "view", "operate", "configure"
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

/** @type {{name: string, title: string, roles: string[], open: (desk: Desk) => void|Promise<void>}[]} */
const TOOLS = [
  { name: "Doctor", title: "Faults, and the lines that fix them", roles: ["configure"], open: doctor },
  { name: "Lint", title: "Errors, warnings and advice on the running configurations", roles: ["configure"], open: lint },
  { name: "Walk", title: "The path of one packet, hop by hop", roles: ["operate", "configure"], open: walk },
  { name: "Lesson", title: "Break something, get hints, get a grade", roles: ["view", "operate", "configure"], open: lesson },
];

/**
 * Put the buttons of the tools that the user may use on the page.
 * @param {Omit<Desk, "show">} base
 */
export function tools(base) {
  const panel = byId("tool");
  const body = element("div");
  /** The number of the tool that was opened last: only it may write, for an answer may come after its tool was closed. */
  let turn = 0;
  const buttons = TOOLS.filter((tool) => tool.roles.includes(base.role)).map((tool) => {
    const button = element("button", { type: "button", title: tool.title, "aria-expanded": "false" }, tool.name);
    button.addEventListener("click", () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      for (const each of buttons) each.setAttribute("aria-expanded", String(each === button && !isOpen));
      base.put(NOTHING);
      turn += 1;
      panel.hidden = isOpen;
      if (isOpen) return;
      body.replaceChildren(element("p", { class: "hint" }, "…"));
      panel.replaceChildren(element("h2", {}, tool.name, " ", element("small", {}, tool.title)), body);
      const mine = turn;
      const desk = deskOf(base, body, () => mine === turn);
      Promise.resolve(tool.open(desk)).catch((error) => desk.show(element("p", { class: "bad" }, error.message)));
    });
    return button;
  });
  byId("tools").replaceChildren(...buttons);
}

/**
 * Return the desk of a tool, which writes only while the tool is open.
 * @param {Omit<Desk, "show">} base
 * @param {HTMLElement} body
 * @param {() => boolean} isOpen
 * @returns {Desk}
 */
function deskOf(base, body, isOpen) {
  return {
    ...base,
    put: (overlay) => {
      if (isOpen()) base.put(overlay);
    },
    show: (...children) => {
      if (isOpen()) body.replaceChildren(...children);
    },
  };
}
