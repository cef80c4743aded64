/**
 * The filter of the ladder, in the habit of Wireshark: `nhrp && router == R31`, `text contains "10.4" || !ike`.
 *
 * @typedef {import("./film.js").Step} Step
 * @typedef {(step: Step) => boolean} Fits
 */

import { sentence, speakers } from "./ladder.js";

/** @type {Record<string, (step: Step) => (string|undefined)[]>} the values of a step that each field has */
const FIELDS = {
  router: speakers,
  from: (step) => [step.sender],
  to: (step) => [step.receiver],
  protocol: (step) => [step.protocol],
  name: (step) => [step.name],
  topic: (step) => [step.topic],
  subject: (step) => [step.subject],
  interface: (step) => [step.interface],
  text: (step) => [sentence(step)],
};
const TOKENS = /\s*(&&|\|\||==|!=|[!()]|"[^"]*"|[^\s&|!=()"]+|\S)/g;

/**
 * Return a filter as a function. Throws an Error that names the first wrong place.
 * @param {string} text a word alone is sought in the sentence of a row; "": everything fits
 * @returns {Fits}
 */
export function parsed(text) {
  const left = [...text.matchAll(TOKENS)].map(([, token]) => token);
  const takes = (/** @type {string[]} */ ...tokens) => tokens.includes((left[0] ?? "").toLowerCase()) && left.shift() !== undefined;
  /** @returns {string} a word, or words between quotes, in small letters */
  const word = () => {
    const found = left.shift() ?? "";
    if (!/^(?:"[^"]*"|[^&|!=()"]+)$/.test(found)) throw new Error(found ? `A word is missing before ${found}` : "A word is missing at the end");
    return found.replaceAll('"', "").toLowerCase();
  };
  /** @returns {Fits} */
  const one = () => {
    if (takes("!", "not")) {
      const inner = one();
      return (step) => !inner(step);
    }
    if (takes("(")) {
      const inner = any();
      if (!takes(")")) throw new Error("A ) is missing");
      return inner;
    }
    const first = word();
    const [isEqual, differs] = [takes("=="), takes("!=")];
    if (!isEqual && !differs && !takes("contains")) return (step) => sentence(step).toLowerCase().includes(first);
    const values = FIELDS[first];
    if (values === undefined) throw new Error(`No field ${first}; there are ${Object.keys(FIELDS).join(", ")}`);
    const wanted = word();
    const has = (/** @type {string|undefined} */ value) => (isEqual || differs ? value?.toLowerCase() === wanted : !!value?.toLowerCase().includes(wanted));
    return (step) => values(step).some(has) !== differs;
  };
  /** @returns {Fits} */
  const both = () => {
    let found = one();
    while (takes("&&", "and")) {
      const [here, there] = [found, one()];
      found = (step) => here(step) && there(step);
    }
    return found;
  };
  /** @returns {Fits} */
  const any = () => {
    let found = both();
    while (takes("||", "or")) {
      const [here, there] = [found, both()];
      found = (step) => here(step) || there(step);
    }
    return found;
  };
  if (left.length === 0) return () => true;
  const found = any();
  if (left.length > 0) throw new Error(`&& or || is missing before ${left[0]}`);
  return found;
}
