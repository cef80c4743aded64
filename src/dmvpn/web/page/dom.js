/** Elements of the page. Text is never markup here. */

/**
 * Return an element with attributes and children.
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Return the element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * Write the state of the page.
 * @param {string} text
 * @param {boolean} bad
 */
export function say(text, bad = false) {
  const line = byId("state");
  line.textContent = text;
  line.className = bad ? "bad" : "";
}

/**
 * Let the browser save a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/**
 * Return a time of the day, to milliseconds.
 * @param {number} time seconds since 1970
 */
export function clock(time) {
  return Number.isFinite(time) ? new Date(time * 1000).toISOString().slice(11, 23) : "--:--:--";
}
