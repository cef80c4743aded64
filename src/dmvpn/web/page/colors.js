/** The colors of the map, from the style of the page. */

const COLORS = ["background", "panel", "text", "faint", "line", "wire", "hub", "spoke", "chosen", "message"].concat(
  ["registered", "direct", "waiting", "broken"],
);

/** @returns {Record<string, string>} */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
