/**
 * Terminals beside the ladder: a tab for each. A browser has few connections to one server, so there are few terminals.
 *
 * @typedef {{name: string, host: HTMLElement, tab: HTMLElement, terminal: {close: () => void}|null}} Desk
 */

import { byId, element } from "./dom.js";

/** Terminals at a time. Browsers have six connections for each server, and the events take one. */
const MOST = 3;

/** The tabs. */
export class Desks {
  /** @param {string} path of the lab in the API */
  constructor(path) {
    this.path = path;
    /** @type {Desk[]} */
    this.desks = [];
    byId("tab-ladder").addEventListener("click", () => this.show(null));
  }

  /**
   * Open a terminal of a router, or show its open one.
   * @param {string} name
   */
  async open(name) {
    const known = this.desks.find((desk) => desk.name === name);
    if (known !== undefined) return this.show(known);
    if (this.desks.length >= MOST) this.close(this.desks[0]);
    const host = element("div", { class: "desk" });
    const tab = element("span", { class: "tab" });
    const [shown, closed] = [
      element("button", { type: "button" }, name),
      element("button", { type: "button", "aria-label": `Close the terminal of ${name}` }, "×"),
    ];
    tab.append(shown, closed);
    /** @type {Desk} */
    const desk = { name, host, tab, terminal: null };
    shown.addEventListener("click", () => this.show(desk));
    closed.addEventListener("click", () => this.close(desk));
    byId("tabs").append(tab);
    byId("story").append(host);
    this.desks.push(desk);
    this.show(desk);
    const { RouterTerminal } = await import("./terminal.js");
    if (!this.desks.includes(desk)) return;
    const path = `${this.path}/routers/${encodeURIComponent(name)}`;
    const ended = (/** @type {string} */ why) => host.append(element("p", { class: "bad" }, `Terminal closed: ${why}.`));
    const terminal = new RouterTerminal({ name, path, host, ended });
    desk.terminal = terminal;
    await terminal.run();
  }

  /** @param {Desk|null} desk null: the ladder */
  show(desk) {
    document.body.classList.toggle("typing", desk !== null);
    byId("ladder").hidden = desk !== null;
    byId("tab-ladder").setAttribute("aria-pressed", String(desk === null));
    for (const each of this.desks) {
      each.host.hidden = each !== desk;
      each.tab.classList.toggle("shown", each === desk);
    }
    desk?.host.querySelector("textarea")?.focus();
  }

  /** @param {Desk} desk */
  close(desk) {
    desk.terminal?.close();
    desk.host.remove();
    desk.tab.remove();
    this.desks = this.desks.filter((other) => other !== desk);
    this.show(null);
  }
}
