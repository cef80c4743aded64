/**
 * The faults of a judged run on the map: bad wires, sites that cannot reach each other, and the way of the packet whose
 * loss violates a rule. A function of the stage and the state.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageWire} StageWire
 * @typedef {import("./film.js").Step} Step
 * @typedef {import("./overlay.js").Overlay} Overlay
 * @typedef {import("./state.js").State} State
 */

/**
 * Return the bad wires, with the faults of each.
 * @param {Stage} stage
 * @param {State} state
 * @returns {Map<StageWire, string>}
 */
export function badWires(stage, state) {
  /** @type {Map<StageWire, string>} */
  const bad = new Map();
  for (const fault of state.faults.values()) {
    const ends = (fault.wire ?? []).map(([node, port]) => `${node} ${port}`);
    const wire = stage.wires.find((each) => each.ends.some(([node, port]) => port !== "" && ends.includes(`${node} ${port}`)));
    if (wire !== undefined) bad.set(wire, fault.text ?? "");
  }
  return bad;
}

/**
 * Return what faults and violations put over the map.
 * @param {State} state
 * @returns {Overlay}
 */
export function overFaults(state) {
  const faults = [...state.faults.values()];
  const apart = faults.flatMap(({ path = [], badge }) => path.map(([from, to]) => ({ from, to, color: "waiting", text: badge })));
  const marked = faults.filter((fault) => fault.path === undefined && fault.badge);
  const ways = state.violations.map((violation) => violation.path ?? []).filter((way) => way.length > 0);
  const last = ways.map((way) => way[way.length - 1][1]);
  return {
    legs: [
      ...apart,
      ...ways.flatMap((way) => way.map(([from, to]) => ({ from, to, color: "broken" }))),
    ],
    marks: [
      ...marked.map(({ router = "", badge = "" }) => ({ node: router, text: badge, color: "broken" })),
      ...[...new Set(last)].map((node) => ({ node, text: "×", color: "broken" })),
    ],
  };
}

/**
 * Return the faults of a moment as a sentence; "" if there are none.
 * @param {State} state
 */
export function faultsInWords(state) {
  const said = [
    ...[...state.faults.values()].map((fault) => fault.text ?? ""),
    ...state.violations.map((violation) => `violation of “${violation.name}”`).slice(0, 1),
  ];
  return said.join("; ");
}
