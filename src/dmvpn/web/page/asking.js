/** Questions and sheets above the page. */

import { element } from "./dom.js";

/**
 * Open a sheet above the page, until it is closed or Esc is pressed. Returns the value that it was closed with.
 * @param {string} title
 * @param {(close: (value: string) => void) => (Node|string)[]} fill
 * @returns {Promise<string>}
 */
export function sheet(title, fill) {
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { id: "sheet", "aria-label": title }, element("h2", {}, title)));
  dialog.append(...fill((value) => dialog.close(value)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue);
    });
  });
}

/** What a reset of a lab takes away. */
export const RESET = "All routers get the configurations of the scenario, and all wires are restored. This can be undone: dmvpn lab reset --undo.";

/**
 * Ask before something that cannot be undone. Returns whether the user agrees.
 * @param {string} question
 * @param {string} consequence
 * @param {string} verb of the button that does it
 */
export async function agreed(question, consequence, verb) {
  const said = await sheet(question, (close) => {
    const [yes, no] = [element("button", { type: "button", class: "main" }, verb), element("button", { type: "button" }, "Cancel")];
    yes.addEventListener("click", () => close("yes"));
    no.addEventListener("click", () => close(""));
    return [element("p", {}, consequence), element("p", { class: "choices" }, yes, " ", no)];
  });
  return said === "yes";
}
