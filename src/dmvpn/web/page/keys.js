/** The keys of the page, and the sheet that lists them. */

import { sheet } from "./asking.js";
import { element, keep, kept } from "./dom.js";

/** Whether single-character keys work: users of speech input can turn them off (WCAG 2.1.4). */
const SINGLE = "dmvpn-single-keys";
/** Elements with keys of their own. */
const OTHERS = "input, select, textarea, dialog, .desk, [role=tablist], [role=separator]";

/**
 * Listen for keys.
 * @param {{keys: string[], shown: string, what: string, act: () => void}[]} all keys: as events name them
 */
export function listen(all) {
  const help = { keys: ["?"], shown: "?", what: "These keys", act: () => list([...all, help]) };
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest(OTHERS) !== null) return;
    if (event.key === " " && target.closest("button, a, summary") !== null) return;
    if (event.key.length === 1 && event.key !== "?" && kept(SINGLE) === "off") return;
    const found = [...all, help].find(({ keys }) => keys.includes(event.key));
    if (found === undefined) return;
    event.preventDefault();
    found.act();
  });
}

/** @param {{shown: string, what: string}[]} all */
function list(all) {
  sheet("Keys", (close) => {
    const rows = all.flatMap(({ shown, what }) => [element("dt", {}, element("kbd", {}, shown)), element("dd", {}, what)]);
    const single = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox" }));
    single.checked = kept(SINGLE) !== "off";
    single.addEventListener("change", () => keep(SINGLE, single.checked ? "on" : "off"));
    const end = element("button", { type: "button" }, "Close");
    end.addEventListener("click", () => close(""));
    return [element("dl", { class: "keys" }, ...rows), element("p", {}, element("label", {}, single, " keys of a single character work")), end];
  });
}
