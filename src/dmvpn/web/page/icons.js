/** Our own icons: lines of 16 by 16 in the color of the text around them. */

import { drawn } from "./dom.js";

const PATHS = {
  network: "M8 1.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM3 10.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM13 10.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7 5.3 4 10.7M9 5.3l3 5.4M5 12.5h6",
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M5 3v10M11 3v10",
  back: "M11.5 3v10L6 8zM4.5 3v10",
  forth: "M4.5 3v10L10 8zM11.5 3v10",
  now: "M3 3v10l6-5zM9 3v10l5-5z",
  fit: "M2.5 6v-3.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  save: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13",
  moon: "M13.5 9.5A6 6 0 1 1 6.5 2.5a4.7 4.7 0 0 0 7 7z",
  auto: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 2v12M8 5h4.5M8 8h6M8 11h4.5",
  leave: "M9.5 2.5h-6v11h6M7 8h7.5M11.5 5l3 3-3 3",
};

/** @typedef {keyof typeof PATHS} Icon */

/**
 * Return an icon. Screen readers skip it, so its button needs a text or a label.
 * @param {Icon} name
 */
export function icon(name) {
  return drawn("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, drawn("path", { d: PATHS[name] }));
}
