/**
 * The right end of the header of every page: the user and the role, light or dark, and the logout.
 *
 * @typedef {import("./icons.js").Icon} Icon
 * @typedef {{user: string, role: string, labs: string, serves: string, without: string[], closes: number}} Who
 *   labs: of the token, as in "anna-*"; "": all. serves: the only lab of this server; "": all running labs.
 *   without: what the teacher has switched off, as in an exam. closes: seconds since 1970, then the user only looks; 0: never
 */

import { byId, element, keep, kept, plain, say } from "./dom.js";
import { ask, at, door, KEY, pause, Refused } from "./feed.js";
import { icon } from "./icons.js";

/** @type {Record<string, string>} what each role may do */
const ROLES = {
  view: "may look; dmvpn web --role operate or configure prints an address that may do more",
  operate: "may look, use terminals, and act on routers and wires",
  configure: "may do everything, and sees keys and passwords",
};
/** Milliseconds between two looks for a message of the teacher. */
const OFTEN = 5000;
/** @type {Who} the user of a lab in this tab */
const HERE = { user: "", role: "configure", labs: "", serves: "", without: [], closes: 0 };
/** @type {{name: string, icon: Icon}[]} as the system is set, always light, or always dark */
const THEMES = [
  { name: "system", icon: "auto" },
  { name: "light", icon: "sun" },
  { name: "dark", icon: "moon" },
];
const THEME = "dmvpn-theme";
/** The event of the document after a change between light and dark. */
export const RECOLORED = "recolored";

/** Return the button that changes between light and dark. */
export function themes() {
  let place = Math.max(0, THEMES.findIndex(({ name }) => name === kept(THEME)));
  const button = element("button", { type: "button", class: "plain", id: "theme" });
  const put = () => {
    const { name, icon: sign } = THEMES[place];
    document.documentElement.dataset.theme = name;
    button.replaceChildren(icon(sign));
    button.setAttribute("aria-label", `Colors: ${name}`);
    button.title = `Colors: ${name}`;
    document.dispatchEvent(new Event(RECOLORED));
  };
  button.addEventListener("click", () => {
    place = (place + 1) % THEMES.length;
    keep(THEME, THEMES[place].name);
    put();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", put);
  put();
  return button;
}

/**
 * Fill the header of a page that a server sent, and return the user. Throws Refused.
 * @returns {Promise<Who>}
 */
export async function top() {
  const home = byId("home");
  home.hidden = false;
  if (home.firstElementChild === null) home.prepend(icon("network"));
  const colors = themes();
  byId("who").replaceChildren(...(door.lab?.buttons ?? []), colors);
  if (door.lab !== undefined) return HERE;
  /** @type {Who} */
  const who = await (await ask("/api/v1/session")).json();
  const of = who.labs ? ` for ${who.labs}` : "";
  const [end, over] = [new Date(who.closes * 1000), who.closes * 1000 <= Date.now()];
  const until = who.closes ? `, ${over ? "ended at" : "until"} ${end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}` : "";
  const role = element("span", { class: "role", title: `${who.role} ${ROLES[who.role] ?? ""}` }, `${who.user}: ${who.role}${of}${until}`);
  const leave = element("button", { type: "button", class: "plain", id: "leave", title: "Log out" }, "Log out");
  leave.prepend(icon("leave"));
  leave.addEventListener("click", () => logOut().catch((error) => say(error.message, true)));
  byId("who").replaceChildren(role, colors, leave);
  if (who.labs) listen().catch(() => {}); // the page itself says that the session has ended
  return who;
}

/** Show a student what the teacher writes to all, until the student closes it. Throws Refused. */
async function listen() {
  const box = element("p", { id: "notice", role: "alert" });
  box.hidden = true;
  document.querySelector("header")?.after(box);
  let seen = 0;
  for (;;) {
    try {
      /** @type {{text: string, at: number}} */
      const { text, at } = await (await ask("/api/v1/class/message")).json();
      if (at !== seen) {
        const close = element("button", { type: "button" }, "Close");
        close.addEventListener("click", () => (box.hidden = true));
        box.replaceChildren(`${new Date(at * 1000).toLocaleTimeString([], { timeStyle: "short" })} `, plain(text), " ", close);
        box.hidden = text === "";
        seen = at;
      }
    } catch (error) {
      if (error instanceof Refused && error.status < 500) throw error;
    }
    await pause(OFTEN);
  }
}

/** End the session, here and at the server, and go to the front door. */
async function logOut() {
  await ask("/api/v1/session", { method: "DELETE" });
  localStorage.removeItem(KEY);
  location.assign(at("/"));
}

/**
 * Show why a page is empty, with a link to the login or to the running labs.
 * @param {unknown} error
 */
export async function lead(error) {
  say(error instanceof Error ? error.message : String(error), true);
  if (!(error instanceof Refused)) return;
  if (error.status === 401) byId("state").append(" ", element("a", { href: at("/") }, "Log in"));
  if (error.status !== 404) return;
  /** @type {{name: string, service: boolean}[]} */
  const labs = (await (await ask("/api/v1/labs")).json()).filter((/** @type {{service: boolean}} */ lab) => !lab.service);
  const links = labs.flatMap(({ name }, place) => [place ? ", " : ": ", linkTo(name)]);
  byId("state").append(links.length > 0 ? "; these run" : "; none runs", ...links);
}

/** @param {string} lab */
export function linkTo(lab) {
  return element("a", { href: at(`/labs/${encodeURIComponent(lab)}`) }, lab);
}
