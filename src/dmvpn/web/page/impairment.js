/**
 * The form that impairs a wire: amounts, kinds of packets to drop, and the direction to which all this applies.
 */

import { element } from "./dom.js";

/** Impairments with a number: name in the API, label, and the largest. */
const AMOUNTS = /** @type {const} */ ([
  ["delay", "delay (ms)", 10_000],
  ["loss", "loss (%)", 100],
  ["rate", "rate (kbit/s)", 10_000_000],
  ["mtu", "MTU (octets)", 65_535],
]);
/** Kinds of packets that a wire can drop: the word of the API, and its meaning. */
const KINDS = /** @type {const} */ ([
  ["gre", "GRE"],
  ["esp", "ESP"],
  ["udp-500", "IKE (UDP 500)"],
  ["udp-4500", "IKE and ESP through NAT (UDP 4500)"],
  ["fragments", "fragments"],
  ["icmp", "ICMP"],
]);

/**
 * Return the form.
 * @param {string[]} ends of the wire at the server, NODE:INTERFACE
 * @param {(wanted: Record<string, unknown>) => void} go sends the request to the API
 */
export function impairment(ends, go) {
  const amounts = AMOUNTS.map(([name, label, most]) => {
    const input = element("input", { type: "number", min: "0", max: String(most), step: "any", name });
    return { label: element("label", {}, label, input), input: /** @type {HTMLInputElement} */ (input) };
  });
  const kinds = KINDS.map(([name, label]) => box(name, label));
  const from = /** @type {HTMLSelectElement} */ (element("select", { name: "one_way" }, element("option", { value: "" }, "both directions")));
  from.append(...ends.map((end) => element("option", { value: end }, `only from ${end.split(":")[0]}`)));
  const drops = element("fieldset", {}, element("legend", {}, "Drop"), ...kinds.map((kind) => kind.label));
  const form = element("form", { class: "impair" }, ...amounts.map((amount) => amount.label), drops);
  form.append(element("label", {}, "direction", from), element("button", {}, "Apply"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = amounts.map(({ input }) => input).filter((input) => input.value !== "");
    const block = kinds.map(({ input }) => input).filter((input) => input.checked).map((input) => input.name);
    go({
      link: from.value || ends[0],
      ...Object.fromEntries(given.map((input) => [input.name, Number(input.value)])),
      ...(block.length > 0 ? { block } : {}),
      ...(from.value ? { one_way: true } : {}),
    });
  });
  return form;
}

/**
 * @param {string} name
 * @param {string} text
 */
function box(name, text) {
  const input = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", name }));
  return { input, label: element("label", { class: "check" }, input, ` ${text}`) };
}
