/** Elements of the page. Text is never markup here. */

/** Characters that turn the text around them, and controls: a name with them would look like another one. */
// eslint-disable-next-line no-control-regex
const TURNING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Return a text from outside as it may be shown: such characters are marks.
 * @param {string} text
 */
export function plain(text) {
  return text.replace(TURNING, "\ufffd");
}

/**
 * Return a name that is no longer than a number of characters: its middle is cut out, for names often differ at the end.
 * @param {string} name
 * @param {number} most characters
 * @param {number} share the part of them that is the beginning
 */
export function cut(name, most, share = 0.5) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const kept = Math.max(1, most - 1);
  const end = Math.ceil(kept * (1 - share));
  return `${letters.slice(0, kept - end).join("")}…${letters.slice(letters.length - end).join("")}`;
}

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
  made.append(...children.map((child) => (typeof child === "string" ? plain(child) : child)));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return an element of a drawing.
 * @param {string} tag
 * @param {Record<string, string|number>} attributes
 * @param {...(Node|string)} children
 */
export function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children.map((child) => (typeof child === "string" ? plain(child) : child)));
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
  line.textContent = plain(text);
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

/**
 * Return a setting of an earlier visit; null: there is none, or the browser stores none for a file.
 * @param {string} name
 */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * Store a setting for the next visit, if the browser can.
 * @param {string} name
 * @param {string} value
 */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Then it lasts until the page is closed.
  }
}
