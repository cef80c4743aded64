/**
 * The form for ping and traceroute of a router or a host: the target is typed, or picked by a click on the map or in
 * the list.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageNode} StageNode
 * @typedef {{command: string, target: string, source: string}} Wanted source: an own address, or "": any
 */

import { element, plain } from "./dom.js";

/** One form. */
export class Probe {
  /**
   * @param {Stage} stage
   * @param {string} name of the router or host that is to send
   * @param {(wanted: Wanted) => void} go
   */
  constructor(stage, name, go) {
    this.name = name;
    this.picking = false;
    this.target = /** @type {HTMLInputElement} */ (
      element("input", { list: "known", placeholder: "Address", "aria-label": "Target address", required: "", size: "15" })
    );
    this.source = /** @type {HTMLSelectElement} */ (element("select", { "aria-label": "Source address" }));
    this.pick = element("button", { type: "button", "aria-pressed": "false" }, "Pick a target");
    this.hint = element("p", { class: "hint", role: "status" });
    this.choices = element("p", { class: "choices" });
    this.form = element("form", { class: "probe" }, this.target, this.known(stage), ...this.sources(stage));
    for (const command of ["ping", "traceroute"]) this.form.append(element("button", { value: command }, command));
    this.form.append(this.pick);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const command = /** @type {HTMLButtonElement|null} */ (event.submitter)?.value ?? "ping";
      go({ command, target: this.target.value.trim(), source: this.source.value });
    });
    this.pick.addEventListener("click", () => this.wait(!this.picking));
  }

  get parts() {
    return [this.form, this.hint, this.choices];
  }

  /** @param {Stage} stage */
  known(stage) {
    const known = element("datalist", { id: "known" });
    const others = stage.nodes.filter((node) => node.name !== this.name);
    known.append(...others.flatMap((node) => node.addresses.map((address) => element("option", { value: address }, node.name))));
    return known;
  }

  /**
   * Return the choice of a source; nothing for a node with one address.
   * @param {Stage} stage
   */
  sources(stage) {
    const own = stage.nodes.find((node) => node.name === this.name)?.addresses ?? [];
    this.source.append(element("option", { value: "" }, "any source"));
    if (own.length < 2) return [];
    this.source.append(...own.map((address) => element("option", { value: address }, address)));
    return [this.source];
  }

  /** @param {boolean} picking wait for a click on a node */
  wait(picking) {
    this.picking = picking;
    this.pick.setAttribute("aria-pressed", String(picking));
    this.hint.textContent = picking ? "Click a node on the map or in the list, or press Esc to cancel." : "";
  }

  /**
   * Take a node as the target, if the form waits for one. Returns whether it did.
   * @param {StageNode} node
   */
  take(node) {
    if (!this.picking) return false;
    this.wait(false);
    const isIpv6 = this.source.value.includes(":");
    const near = this.source.value === "" ? [] : node.addresses.filter((address) => address.includes(":") === isIpv6);
    const [first = "", ...more] = [...near, ...node.addresses];
    this.target.value = first;
    const said = first ? `${node.name} is the target.` : `${node.name} has no address.`;
    this.hint.textContent = plain(said);
    this.choices.replaceChildren(...(more.length > 0 ? node.addresses.map((address) => this.choice(address)) : []));
    return true;
  }

  /** @param {string} address */
  choice(address) {
    const button = element("button", { type: "button", class: "link" }, address);
    button.addEventListener("click", () => {
      this.target.value = address;
    });
    return button;
  }
}
