/**
 * The right column: a tab for each panel, and the edge that changes the width of the column.
 *
 * @typedef {object} Panel
 * @property {HTMLElement} tab
 * @property {HTMLElement} panel
 * @property {() => void} opened is called when the panel is shown
 */

import { byId, element, keep, kept } from "./dom.js";

/** The width of the column in rem: the least, the largest, and the usual one. */
const [LEAST, LARGEST, USUAL] = [16, 60, 26];
const WIDTH = "dmvpn-width";

/** The tabs and panels of the column. */
export class Panels {
  constructor() {
    /** @type {Map<string, Panel>} */
    this.panels = new Map();
    this.open = "";
    this.bar = byId("tools");
    this.bar.addEventListener("keydown", (event) => this.move(event));
    widen();
  }

  /**
   * Add a panel as the last one.
   * @param {string} name
   * @param {string} title what it is for
   * @param {HTMLElement} panel several tabs may share one
   * @param {() => void} opened is called when the panel is shown
   */
  add(name, title, panel, opened = () => {}) {
    const tab = element("button", { type: "button", role: "tab", id: `tab-of-${name}`, title, "aria-controls": panel.id }, name);
    panel.setAttribute("role", "tabpanel");
    panel.tabIndex = 0;
    panel.hidden = true;
    tab.addEventListener("click", () => this.show(name));
    this.panels.set(name, { tab, panel, opened });
    this.bar.append(tab);
    if (this.open === "") this.show(name);
    else this.mark();
  }

  /**
   * Show a panel instead of the current one.
   * @param {string} name
   */
  show(name) {
    const wanted = this.panels.get(name);
    if (wanted === undefined) return;
    this.open = name;
    for (const { panel } of this.panels.values()) panel.hidden = panel !== wanted.panel;
    wanted.panel.setAttribute("aria-labelledby", wanted.tab.id);
    this.mark();
    wanted.opened();
  }

  /** Mark the tab of the open panel. Only this tab takes the focus by Tab; the arrow keys select another tab. */
  mark() {
    for (const [name, { tab }] of this.panels) {
      tab.setAttribute("aria-selected", String(name === this.open));
      tab.tabIndex = name === this.open ? 0 : -1;
    }
  }

  /** @param {KeyboardEvent} event */
  move({ key }) {
    const names = [...this.panels.keys()];
    const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const name = names[(names.indexOf(this.open) + step + names.length) % names.length];
    this.show(name);
    this.panels.get(name)?.tab.focus();
  }
}

/** Let the mouse and the arrow keys change the width of the column. */
function widen() {
  const handle = byId("handle");
  const size = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
  let width = USUAL;
  const put = (/** @type {number} */ wanted) => {
    width = Math.min(LARGEST, Math.max(LEAST, wanted));
    document.documentElement.style.setProperty("--side", `min(${width}rem, 60vw)`);
    for (const [name, value] of [["min", LEAST], ["max", LARGEST], ["now", Math.round(width)]]) {
      handle.setAttribute(`aria-value${name}`, String(value));
    }
    keep(WIDTH, String(width));
  };
  put(Number(kept(WIDTH) ?? USUAL) || USUAL);
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) put((innerWidth - event.clientX) / size());
  });
  handle.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft") put(width + 1);
    if (key === "ArrowRight") put(width - 1);
  });
}
