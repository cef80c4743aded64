/** Addresses and prefixes of IPv4 and IPv6, as the chronicle writes them. */

/**
 * Values by address. Capital letters in IPv6 are the same ones as small letters: people see capital ones, as on IOS.
 * @template V
 * @extends {Map<string, V>}
 */
export class ByAddress extends Map {
  /** @param {string} address */
  get(address) {
    return super.get(address.toLowerCase());
  }

  /** @param {string} address */
  has(address) {
    return super.has(address.toLowerCase());
  }

  /**
   * @param {string} address
   * @param {V} value
   */
  set(address, value) {
    return super.set(address.toLowerCase(), value);
  }
}

/**
 * Return whether a prefix, or a single address, has an address in it. False for text that is neither.
 * @param {string} prefix
 * @param {string} address
 */
export function covers(prefix, address) {
  const [first, length] = prefix.split("/");
  const [here, there] = [bits(first), bits(address)];
  if (here === null || there === null || here.length !== there.length) return false;
  const count = length === undefined ? here.length : Number(length);
  return here.slice(0, count) === there.slice(0, count);
}

/**
 * Return the bits of an address as text, or null.
 * @param {string} address
 * @returns {string|null}
 */
function bits(address) {
  const words = address.includes(":") ? words6(address) : words4(address);
  return words === null ? null : words.map(({ value, size }) => value.toString(2).padStart(size, "0")).join("");
}

/** @param {string} address */
function words4(address) {
  const parts = address.split(".").map(Number);
  const isGood = parts.length === 4 && parts.every((part) => part >= 0 && part < 256);
  return isGood ? parts.map((value) => ({ value, size: 8 })) : null;
}

/** @param {string} address without a dotted end */
function words6(address) {
  const [head, tail] = address.toLowerCase().split("::");
  const front = head ? head.split(":") : [];
  const back = tail ? tail.split(":") : [];
  const missing = 8 - front.length - back.length;
  if (missing < 0 || (tail === undefined && missing !== 0)) return null;
  const parts = [...front, ...Array(missing).fill("0"), ...back].map((part) => parseInt(part, 16));
  return parts.every((part) => part >= 0 && part < 0x10000) ? parts.map((value) => ({ value, size: 16 })) : null;
}
