/**
 * The page in a tab: the first screen asks which lab, a worker brings it up, and the page of a lab takes over.
 *
 * @typedef {import("./links.js").Wanted} Wanted
 * @typedef {{name: string, title: string, topic: string, routers: number, hosts: number, reason: string}} Entry reason: why it cannot run here; "": it can
 * @typedef {{scenarios: Entry[], exercises: Entry[]}} Catalog
 */

import { sheet } from "./asking.js";
import { byId, element, keep, kept, plain, save, say } from "./dom.js";
import { ask, at, enterBy } from "./feed.js";
import { Inside } from "./inside.js";
import { LARGEST_SEED, linkOf, packed, STORIES, wantedBy } from "./links.js";
import { themes } from "./top.js";

/** The name of a lab that has none. */
const OWN = "my-lab";
/** Octets of the configurations of a lab that a user gives. */
const MOST = 1e6;
/** Where the browser keeps a link to the last lab, and when it was made. */
const LAST = "dmvpn-last-lab";
/** Milliseconds between two looks whether the computer slept, and those after which it did: a hidden page looks once a minute. */
const LOOK = 5000;
const SLEPT = 180_000;
const [NETWORK, EXERCISE] = /** @type {const} */ (["scenario", "exercise"]);

/** @type {Set<string>} the names of the exercises */
const exercises = new Set();
/** @type {Inside|null} the worker, from the start of the page on */
let inside = null;
/** Why the page cannot run a lab at all; "": it can. */
const unable =
  typeof WebAssembly === "undefined" || typeof Worker === "undefined"
    ? "This browser has no WebAssembly, or it is switched off: no lab can run in this tab."
    : "";

// ------------------------------------------------------------------------------------------------ the first screen

/**
 * Offer what can run, and name what cannot.
 * @param {typeof NETWORK|typeof EXERCISE} kind
 * @param {Entry[]} entries
 * @param {string} about the id of the text about the chosen one
 */
function offer(kind, entries, about) {
  const choice = /** @type {HTMLSelectElement} */ (byId(kind));
  const option = (/** @type {Entry} */ { name, title, reason }) => {
    const made = /** @type {HTMLOptionElement} */ (element("option", { value: name }, kind === EXERCISE ? title : name));
    made.disabled = reason !== "";
    return made;
  };
  const topics = [...new Set(entries.map(({ topic }) => topic))];
  choice.replaceChildren(
    ...topics.flatMap((topic) => {
      const some = entries.filter((entry) => entry.topic === topic).map(option);
      return topic ? [element("optgroup", { label: topic }, ...some)] : some;
    }),
  );
  const tell = () => {
    const chosen = entries.find(({ name }) => name === choice.value);
    const size = `${chosen?.routers ?? 0} routers, ${chosen?.hosts ?? 0} hosts`;
    byId(about).textContent = plain(kind === EXERCISE ? size : `${chosen?.title ?? ""} (${size})`);
  };
  choice.addEventListener("change", tell);
  choice.value = entries.find(({ name, reason }) => name === "notes-phase3" && !reason)?.name ?? entries.find(({ reason }) => !reason)?.name ?? "";
  tell();
  for (const reason of new Set(entries.map((entry) => entry.reason).filter(Boolean))) {
    const names = entries.filter((entry) => entry.reason === reason).map(({ name }) => name);
    byId(about).after(element("details", {}, element("summary", {}, `${names.length} cannot run here`), element("p", { class: "hint" }, `${names.join(", ")}: ${reason}`)));
  }
}

/** Offer the lab that ran here when its tab was last left. */
function offerLast() {
  try {
    const { name, link, at: when } = JSON.parse(kept(LAST) ?? "");
    if (!link.startsWith("#net=")) return; // not ours: pages below the same host can write here
    const again = element("a", { href: link }, `Open ${name} as it was`);
    byId("last").replaceChildren(again, ` on ${new Date(when).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}, without keys.`);
    byId("last").hidden = false;
  } catch {
    // There is none.
  }
}

/** @param {Catalog} catalog */
function listen(catalog) {
  offer(NETWORK, catalog.scenarios, "about");
  offer(EXERCISE, catalog.exercises, "task");
  for (const { name } of catalog.exercises) exercises.add(name);
  byId("then").append(...Object.entries(STORIES).map(([name, title]) => element("option", { value: name }, title)));
  const chosen = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id)).value;
  on("network", () => open({ lab: chosen(NETWORK), seed: chosen("seed") === "" ? undefined : Number(chosen("seed")), story: chosen("then") }));
  on("lesson", () => open({ lab: chosen(EXERCISE), story: "" }));
  on("own", async () => {
    const given = [...(/** @type {HTMLInputElement} */ (byId("files")).files ?? [])];
    const octets = given.reduce((sum, { size }) => sum + size, chosen("pasted").length);
    if (octets > MOST) throw new Error(`These are ${(octets / 1e6).toFixed(1)} MB, and a tab reads at most ${MOST / 1e6} MB.`);
    const texts = await Promise.all(given.map(async (file) => [file.name, await file.text()]));
    if (chosen("pasted").trim() !== "") texts.push(["pasted.cfg", chosen("pasted")]);
    if (texts.length === 0) throw new Error("Give a file, or paste a configuration.");
    await look({ lab: OWN, story: "", files: Object.fromEntries(texts) });
  });
  const own = byId("own");
  own.addEventListener("dragover", (event) => event.preventDefault());
  own.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer !== null) /** @type {HTMLInputElement} */ (byId("files")).files = event.dataTransfer.files;
  });
  byId("leave-boot").addEventListener("click", leave);
  byId("leave-check").addEventListener("click", leave);
}

/**
 * @param {string} form
 * @param {() => Promise<void>|void} submit
 */
function on(form, submit) {
  const button = /** @type {HTMLButtonElement} */ (byId(form).querySelector("button.main"));
  button.disabled = unable !== "";
  byId(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(submit);
  });
}

/**
 * Do something; if it fails, say why, and show the first screen as it was.
 * @param {() => Promise<void>|void} what
 */
async function attempt(what) {
  try {
    say("");
    await what();
  } catch (error) {
    leave();
    const whole = (error instanceof Error ? error.message : String(error)).trim();
    // Of a traceback the reason, and of a path inside of the tab the name.
    const why = (whole.split("\n").pop() ?? "").replace(/^\/\S+\//, "");
    say(/memory/i.test(why) ? `The browser has too little memory for this lab: close other tabs, and start it again. (${why})` : why, true);
  }
}

/** Show the first screen again, without a worker. */
function leave() {
  inside?.end("");
  inside = null;
  show("ways");
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
}

/** @param {"ways"|"boot"|"check"} part of the first screen */
function show(part) {
  for (const each of ["ways", "boot", "check"]) byId(each).hidden = each !== part;
}

// ------------------------------------------------------------------------------------------------ a lab comes up

/**
 * Show the progress of the worker, and return it.
 * @param {string} title
 */
function worker(title) {
  show("boot");
  byId("boot-title").textContent = title;
  return begun();
}

/** Return the worker, which reads the program while the user chooses, and a new one after one failed. */
function begun() {
  if (inside !== null && !inside.over) return inside;
  inside = new Inside(at("/worker.mjs"), ({ percent, sentence }) => {
    /** @type {HTMLProgressElement} */ (byId("done")).value = percent;
    byId("step").textContent = plain(sentence);
  });
  return inside;
}

/**
 * Show the files of a lab, and which of their lines would run. Throws an Error.
 * @param {Wanted & {files?: Record<string, string>}} wanted
 */
async function look(wanted) {
  const files = wanted.files ?? {};
  const { code, text } = await worker(`The configurations of ${wanted.lab} are read`).check(files);
  const count = Object.keys(files).length;
  byId("check-title").textContent = `${wanted.lab}: ${count === 1 ? "1 file" : `${count} files`}`;
  byId("verdict").textContent = code === 0 ? "Nothing has run yet. What dmvpn import says:" : "Nothing has run yet. Lines are refused:";
  const whole = Object.entries(files).map(([name, each]) => element("details", {}, element("summary", {}, name), element("pre", {}, each)));
  byId("texts").replaceChildren(element("pre", {}, text.trim().replaceAll(/^(?:dmvpn: )?\/\S+\//gm, "")), ...whole);
  byId("run").onclick = () => attempt(() => open(wanted));
  show("check");
}

/**
 * Bring a lab up, and give the tab to its page. Throws an Error.
 * @param {Wanted} wanted
 */
async function open(wanted) {
  const { lab, story, files } = wanted;
  const seed = wanted.seed ?? Math.floor(Math.random() * LARGEST_SEED);
  const began = { ...wanted, seed, epoch: wanted.epoch ?? Math.floor(Date.now() / 1000) };
  const fresh = ask("/page/index.html").then((answer) => answer.text());
  const running = worker(`${lab} comes up`);
  if (!files) history.pushState(null, "", linkOf(wanted));
  const name = await running.boot({ lab, seed, epoch: began.epoch, ...(files ? { files } : {}) });
  const page = new DOMParser().parseFromString(await fresh, "text/html");
  const buttons = [button("Share", () => share(name, began)), button("Take home", () => takeHome(name))];
  enterBy({ ask: (path, options) => running.ask(path, options), lab: { name, story, seed, isExercise: exercises.has(name), buttons } });
  document.body.replaceWith(page.body);
  byId("home").setAttribute("href", "./");
  // Once the user has done something, the lab does not end without a question.
  const stay = (/** @type {Event} */ event) => event.preventDefault();
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => addEventListener("beforeunload", stay), { once: true });
  // Browsers end hidden tabs when memory is short.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) linkNow(name).then(({ link }) => keep(LAST, JSON.stringify({ name, link, at: Date.now() })), () => {});
  });
  watch();
  await import("./page.js");
}

/** Say it when the computer slept: the lab paused meanwhile. */
function watch() {
  let last = Date.now();
  setInterval(() => {
    const minutes = Math.round((Date.now() - last) / 60_000);
    if (Date.now() - last > SLEPT) say(`live; this computer slept, and the lab paused for ${minutes} minutes`);
    last = Date.now();
  }, LOOK);
}

// ------------------------------------------------------------------------------------------------ a lab that runs

/**
 * Return the part behind # of a link to a lab as it is now, and the lines that are left out. Throws Refused, or an Error.
 * @param {string} name of the lab
 */
async function linkNow(name) {
  /** @type {{files: Record<string, string>, left_out: string[]}} */
  const { files, left_out: out } = await (await ask(`/api/v1/labs/${encodeURIComponent(name)}/texts`)).json();
  return { link: await packed({ lab: name, story: "", files }), out };
}

/**
 * @param {string} name of the lab
 * @param {Wanted} wanted as it began
 */
async function share(name, wanted) {
  const here = location.href.split("#")[0];
  await sheet("Share this lab", (close) => {
    const said = element("div", { role: "status" });
    const asItIs = button("Make a link to the lab as it is now", async () => {
      try {
        const { link, out } = await linkNow(name);
        const lines = out.length === 1 ? "1 line with a key was" : `${out.length} lines with keys were`;
        said.replaceChildren(copied("The lab as it is now", here + link));
        if (out.length > 0) said.append(element("details", {}, element("summary", {}, `${lines} left out`), element("ul", {}, ...out.map((line) => element("li", {}, line)))));
      } catch (error) {
        said.replaceChildren(element("p", { class: "bad" }, error instanceof Error ? error.message : String(error)));
      }
    });
    const began = wanted.files ? [] : [copied("The lab as it began", here + linkOf(wanted))];
    const how = element("p", { class: "hint" }, "The link has the configurations inside, without keys and passwords. Who opens it sees them before they run.");
    return [...began, element("p", {}, asItIs), said, how, element("p", {}, button("Close", () => close("")))];
  });
}

/**
 * @param {string} title
 * @param {string} link
 */
function copied(title, link) {
  const field = /** @type {HTMLInputElement} */ (element("input", { readonly: "", value: link }));
  const copy = button("Copy", async () => {
    field.select();
    copy.textContent = await navigator.clipboard.writeText(link).then(() => "Copied", () => "Press Ctrl-C");
  });
  return element("label", { class: "link-field" }, `${title} (${link.length.toLocaleString("en")} characters) `, element("span", {}, field, " ", copy));
}

/** @param {string} name of the lab */
async function takeHome(name) {
  await sheet("Take this lab home", (close) => {
    const said = element("p", { class: "bad", role: "status" });
    const saving = button("Save the file", async () => {
      const answer = await ask(`/api/v1/labs/${encodeURIComponent(name)}/saved`).catch((error) => void (said.textContent = plain(error.message)));
      if (answer) save(await answer.blob(), `${name}.zip`);
    });
    const lines = `unzip ${name}.zip\ndmvpn lab up ${name} --simulated`;
    const how = element("p", {}, "Then, where dmvpn is installed (without --simulated: with real packets):");
    return [element("p", {}, saving), said, how, element("pre", {}, lines), element("p", {}, button("Close", () => close("")))];
  });
}

/**
 * @param {string} text
 * @param {() => void} act
 */
function button(text, act) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", act);
  return made;
}

// ------------------------------------------------------------------------------------------------ the beginning

async function main() {
  byId("who").replaceChildren(themes());
  if (!unable) begun();
  // Without one, the page works while its host answers.
  navigator.serviceWorker?.register("offline.js").catch(() => {});
  addEventListener("hashchange", () => location.reload());
  /** @type {Catalog} */
  const catalog = await (await ask("/scenarios.json")).json();
  listen(catalog);
  offerLast();
  say(unable, unable !== "");
  if (unable) return;
  await attempt(async () => {
    const wanted = await wantedBy(location.hash);
    if (wanted === null) return;
    if (wanted.files) return look(wanted);
    const known = [...catalog.scenarios, ...catalog.exercises].find(({ name }) => name === wanted.lab);
    if (known === undefined) throw new Error(`There is no lab ${wanted.lab}: choose another one.`);
    if (known.reason) throw new Error(`${wanted.lab} cannot run here: ${known.reason}`);
    await open(wanted);
  });
}

main().catch((error) => say(error.message, true));
