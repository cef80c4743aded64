/**
 * Links to a lab in a tab. The part behind the # stays in the browser.
 *
 *     #lab=notes-phase3&seed=7&story=shortcut     a scenario or exercise, and what begins there by itself
 *     ...&epoch=1790000000                        the same from the same time on, in seconds since 1970
 *     #net=1.OCTETS                               the files of a lab: JSON, deflated (RFC 1951), in base64url (RFC 4648 §5)
 *
 * A link may come from a stranger, so all of it is checked, and its files are unpacked no further than to a bound.
 *
 * @typedef {{lab: string, seed?: number, epoch?: number, story: string, files?: Record<string, string>}} Wanted
 */

/** Browsers of 2022 lack these, and TypeScript their types. */
const { CompressionStream, DecompressionStream } = /** @type {any} */ (globalThis);
/** Characters of a link with files, and of the files in it. */
export const LONGEST_LINK = 8192;
const LONGEST_TEXT = 500_000;
/** The form of the files in a link. */
const FORM = "1";
/** Things that begin by themselves. @type {Record<string, string>} */
export const STORIES = {
  shortcut: "Two sites talk, and a shortcut appears",
  fault: "Something breaks, and you find out what",
};
export const LARGEST_SEED = 999_999_999;
/** The year 2100. */
const LATEST = 4_102_444_800;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const PATH = /^(?:[\p{L}\p{N}_][\p{L}\p{N}_. ()+-]{0,99}\/){0,3}[\p{L}\p{N}_][\p{L}\p{N}_. ()+-]{0,99}$/u;

/**
 * Return the part behind # of a link to a scenario or exercise.
 * @param {Wanted} wanted
 */
export function linkOf({ lab, seed, epoch, story }) {
  const numbers = Object.entries({ seed, epoch }).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const words = new URLSearchParams({ lab, ...Object.fromEntries(numbers), ...(story ? { story } : {}) });
  return `#${words}`;
}

/**
 * Return what a link wants; null: nothing, it has no part behind #. Throws an Error with one sentence.
 * @param {string} hash
 * @returns {Promise<Wanted|null>}
 */
export async function wantedBy(hash) {
  const words = new URLSearchParams(hash.slice(1));
  const [names, net] = [[...words.keys()], words.get("net")];
  if (names.length === 0) return null;
  const strange = names.find((name, place) => !["lab", "seed", "epoch", "story", "net"].includes(name) || names.indexOf(name) !== place);
  if (strange !== undefined || (net !== null && names.length > 1)) throw new Error("This link is not one to a lab, or another release made it.");
  return checked(net === null ? Object.fromEntries(words) : await unpacked(net));
}

/**
 * Return the part behind # of a link to the files of a lab. Throws an Error with one sentence if they are too long.
 * @param {Wanted} wanted
 */
export async function packed(wanted) {
  const octets = await through(new TextEncoder().encode(JSON.stringify(wanted)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""));
  const link = `#net=${FORM}.${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  if (link.length > LONGEST_LINK) {
    const sizes = `${(link.length / 1024).toFixed(1)} KB, and a link has at most ${LONGEST_LINK / 1024}`;
    throw new Error(`The configurations are too long for a link (${sizes}): save the lab, and send the file.`);
  }
  return link;
}

/** @param {string} net */
async function unpacked(net) {
  const [form, text] = net.split(".");
  if (form !== FORM || text === undefined) throw new Error("Another release made this link: this one cannot read it.");
  if (net.length > LONGEST_LINK) throw new Error(`This link is too long: one to a lab has at most ${LONGEST_LINK / 1024} KB.`);
  try {
    const octets = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const found = await through(octets, new DecompressionStream("deflate-raw"));
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(found));
  } catch {
    throw new Error("This link is damaged: a part of it is missing or was changed.");
  }
}

/**
 * Return octets after a change of their form, at most so many as a link may have. Throws an Error.
 * @param {Uint8Array} octets
 * @param {ReadableWritablePair<Uint8Array, BufferSource>} change
 */
async function through(octets, change) {
  const reader = new Blob([/** @type {BlobPart} */ (octets)]).stream().pipeThrough(change).getReader();
  const parts = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    size += value.length;
    if (size > LONGEST_TEXT) throw new Error("too long");
    parts.push(value);
  }
}

/**
 * Return the wish of a link as its own type. Throws an Error with one sentence.
 * @param {any} found
 * @returns {Wanted}
 */
function checked(found) {
  const { lab, files, story = "" } = found ?? {};
  const [seed, epoch] = [found?.seed, found?.epoch].map((value) => (value === undefined ? undefined : Number(value)));
  if (typeof lab !== "string" || !NAME.test(lab)) throw new Error("This link names no lab.");
  if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed <= LARGEST_SEED)) throw new Error("The seed in this link is no whole number up to 999,999,999.");
  if (epoch !== undefined && !(Number.isInteger(epoch) && epoch >= 0 && epoch <= LATEST)) throw new Error("The time in this link is no whole number of seconds since 1970.");
  if (story !== "" && !(typeof story === "string" && Object.hasOwn(STORIES, story))) throw new Error("This link wants a story that this release does not have.");
  if (files !== undefined) {
    const texts = typeof files === "object" && files !== null && !Array.isArray(files) ? Object.entries(files) : [];
    if (texts.length === 0 || !texts.every(([path, text]) => PATH.test(path) && typeof text === "string")) throw new Error("The files in this link are no files of a lab.");
  }
  return { lab, seed, epoch, story, files };
}
