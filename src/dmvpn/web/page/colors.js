/** The colors of the map, from the style of the page. */

const COLORS = ["background", "panel", "text", "faint", "line", "wire", "hub", "spoke", "chosen", "message"].concat(
  ["registered", "direct", "waiting", "broken"],
);

/**
 * Return the colors as a canvas takes them: light or dark is decided here, which `light-dark()` leaves open.
 * @returns {Record<string, string>}
 */
export function colors() {
  const probe = document.body.appendChild(document.createElement("i"));
  const found = COLORS.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}
