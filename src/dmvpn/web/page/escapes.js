/**
 * What the output of a router may not do to the page: names, colors and links of a terminal are not for it, and it makes
 * the terminal type nothing. A router shows descriptions and banners that others wrote, escape sequences included.
 *
 * @typedef {import("./vendor/xterm.mjs").Terminal} Terminal
 * @typedef {import("./vendor/xterm.mjs").Sequence} Sequence
 */

/** Operating system commands: titles, working directory, links, colors, notifications, the clipboard. */
const COMMANDS = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 19, 22, 50, 51, 52, 99, 104, 105, 110, 111, 112, 117, 119]
  .concat([133, 633, 777, 1337]);
/** Questions, which a terminal answers as if its user had typed: attributes, status, modes, and sizes of the window. */
const QUESTIONS = /** @type {Sequence[]} */ ([
  { final: "c" },
  { prefix: ">", final: "c" },
  { prefix: "=", final: "c" },
  { final: "n" },
  { prefix: "?", final: "n" },
  { intermediates: "$", final: "p" },
  { prefix: "?", intermediates: "$", final: "p" },
  { final: "t" },
  { final: "x" },
]);

/**
 * Let a terminal pass over such sequences.
 * @param {Terminal} screen
 */
export function restrain(screen) {
  for (const command of COMMANDS) screen.parser.registerOscHandler(command, () => true);
  for (const question of QUESTIONS) screen.parser.registerCsiHandler(question, () => true);
  screen.parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => true);
}
