/**
 * One cause and what follows from it, through all routers: a redirect, the Resolution Request that it leads to, the
 * reply, IKE between both ends, and the shortcut; or a registration with the IKE before it; or a purge.
 *
 * Messages belong together by their exchange, which a request and its reply have in common. Everything else belongs to
 * an exchange by its routers, its addresses and its time.
 *
 * @typedef {import("./film.js").Step} Step
 * @typedef {Map<string, string>} Owners router by address
 * @typedef {object} Exchange
 * @property {Step[]} messages the request and its replies, on all parts of their way
 * @property {string} asker the router that sent the request first
 * @property {string} answerer the router that replied, or ""
 * @property {string} target the requested address
 * @property {number} from seconds
 * @property {number} to
 */

import { covers } from "./addresses.js";

/** Seconds around a step in which its cause is looked for. */
const AROUND = 40;
/** Seconds from a redirect to the request; from the last message to what it changes; from IKE to a registration. */
const TO_REQUEST = 10;
const TO_CHANGE = 5;
const BEFORE_REGISTRATION = 5;
/** Names of requests, and the functions for their exchanges. */
const KINDS = new Map([
  ["Resolution Request", resolution],
  ["Registration Request", registration],
  ["Purge Request", purge],
]);

/**
 * Return the steps that belong together with a step, in the order of time; it alone if there is nothing else.
 * @param {Step[]} steps all, in the order of time
 * @param {Step} step
 * @param {Owners} owners
 * @returns {Step[]}
 */
export function causeOf(steps, step, owners) {
  const near = steps.filter((other) => Math.abs(other.time - step.time) <= AROUND);
  const found = exchanges(near)
    .map((exchange) => ({ exchange, chain: chainOf(near, exchange, owners) }))
    .filter(({ chain }) => chain.has(step));
  const own = found.find(({ exchange }) => exchange.messages.includes(step));
  // Both ends may ask for each other. IKE between them is due to the first one.
  const best = own ?? (isOfIke(step) ? found[0] : found[found.length - 1]);
  const chain = best?.chain ?? aloneWith(near, step, owners);
  return near.filter((other) => chain.has(other));
}

/**
 * Return the exchanges, by the time of their first message.
 * @param {Step[]} near
 * @returns {Exchange[]}
 */
function exchanges(near) {
  /** @type {Map<string, Step[]>} */
  const found = new Map();
  for (const step of near) {
    if (step.type !== "arrow" || step.protocol !== "NHRP" || !step.exchange) continue;
    found.set(step.exchange, [...(found.get(step.exchange) ?? []), step]);
  }
  return [...found.values()].flatMap((messages) => {
    const first = messages.find((message) => KINDS.has(message.name ?? ""));
    if (first === undefined) return [];
    const reply = messages.find((message) => message.name?.endsWith("Reply"));
    const target = (first.subject ?? "").replace(/\?$/, "");
    const [from, to] = [messages[0].time, messages[messages.length - 1].time];
    return [{ messages, asker: first.sender ?? "", answerer: reply?.sender ?? "", target, from, to }];
  });
}

/**
 * @param {Step[]} near
 * @param {Exchange} exchange
 * @param {Owners} owners
 * @returns {Set<Step>}
 */
function chainOf(near, exchange, owners) {
  const first = exchange.messages.find((message) => KINDS.has(message.name ?? ""));
  const belongs = KINDS.get(first?.name ?? "");
  const more = near.filter((step) => belongs?.(step, exchange, owners));
  return new Set([...exchange.messages, ...redirect(near, exchange), ...more]);
}

/**
 * Return the last redirect before a Resolution Request, with its way through forwarding routers.
 * @param {Step[]} near
 * @param {Exchange} exchange
 */
function redirect(near, exchange) {
  const before = near.filter(
    (step) =>
      step.name === "Traffic Indication" &&
      step.time <= exchange.from &&
      step.time >= exchange.from - TO_REQUEST &&
      (step.subject ?? "").endsWith(` to ${exchange.target}`),
  );
  const last = before.filter((step) => step.receiver === exchange.asker).pop();
  return last === undefined ? [] : before.filter((step) => step.subject === last.subject);
}

/**
 * @param {Step} step
 * @param {Exchange} exchange
 * @param {Owners} owners
 */
function resolution(step, exchange, owners) {
  const { asker, answerer, target, from, to } = exchange;
  if (step.time < from || step.time > to + TO_CHANGE) return false;
  if (isOfIke(step)) return isBetween(step, asker, answerer, owners);
  const subject = step.subject ?? "";
  if (step.topic === "route") {
    const isHop = step.next_hop === undefined && owners.get(subject.split("/")[0]) === answerer;
    return step.router === asker && (step.text ?? "").startsWith("nhrp") && (covers(subject, target) || isHop);
  }
  if (step.topic !== "mapping") return false;
  const other = owners.get(step.next_hop ?? "");
  const kind = step.kind ?? "";
  if (step.router === asker) {
    return other === answerer && kind !== "from a request" && (covers(subject, target) || subject === step.next_hop);
  }
  if (step.router !== answerer) return false;
  return kind === "from a request" ? other === asker : kind.startsWith("ours") && covers(subject, target);
}

/**
 * @param {Step} step
 * @param {Exchange} exchange
 * @param {Owners} owners
 */
function registration(step, exchange, owners) {
  const { asker, from, to } = exchange;
  const server = exchange.answerer || exchange.messages[0].receiver || "";
  if (isOfIke(step)) {
    return step.time <= from && step.time >= from - BEFORE_REGISTRATION && isBetween(step, asker, server, owners);
  }
  if (step.time < from || step.time > to + TO_CHANGE) return false;
  if (step.topic === "server") return step.router === asker && owners.get(step.subject ?? "") === server;
  return step.topic === "mapping" && step.router === server && owners.get(step.next_hop ?? "") === asker;
}

/**
 * @param {Step} step
 * @param {Exchange} exchange
 */
function purge(step, exchange) {
  if (step.topic !== "mapping" || step.sign !== "-") return false;
  const isInTime = step.time >= exchange.from && step.time <= exchange.to + TO_CHANGE;
  const subjects = exchange.target.split(", ");
  return isInTime && step.router !== exchange.asker && subjects.includes(step.subject ?? "");
}

/**
 * Return what belongs to a step that is part of no exchange: an IKE SA with its messages, a redirect on its way.
 * @param {Step[]} near
 * @param {Step} step
 * @param {Owners} owners
 * @returns {Set<Step>}
 */
function aloneWith(near, step, owners) {
  if (step.name === "Traffic Indication") {
    const isSame = (/** @type {Step} */ other) => other.name === step.name && other.subject === step.subject;
    return new Set(near.filter((other) => isSame(other) && Math.abs(other.time - step.time) <= 1).concat(step));
  }
  if (!isOfIke(step)) return new Set([step]);
  const [here, there] =
    step.type === "arrow" ? [step.sender, step.receiver] : [step.router, owners.get(step.subject ?? "")];
  const isClose = (/** @type {Step} */ other) => Math.abs(other.time - step.time) <= TO_CHANGE;
  const some = near.filter((other) => isOfIke(other) && isClose(other) && isBetween(other, here, there, owners));
  return new Set(some.concat(step));
}

/**
 * Return whether a step is a message of IKE or a change of SAs.
 * @param {Step} step
 */
function isOfIke(step) {
  return step.type === "arrow" ? step.protocol !== "NHRP" : step.topic === "protection";
}

/**
 * Return whether a step of IKE is between two routers.
 * @param {Step} step
 * @param {string|undefined} here
 * @param {string|undefined} there
 * @param {Owners} owners
 */
function isBetween(step, here, there, owners) {
  const ends =
    step.type === "arrow" ? [step.sender, step.receiver] : [step.router, owners.get(step.subject ?? "")];
  return ends.includes(here) && ends.includes(there) && here !== there;
}
