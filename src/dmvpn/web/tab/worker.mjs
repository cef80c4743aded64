// The worker of the lab in a tab: Pyodide with `dmvpn.app.tab`. What is posted is in docs/explanation/tab.md.
import { loadPyodide } from "./pyodide.mjs";

const here = new URL("./", import.meta.url);
// Where a test runs this without a browser, Pyodide reads files.
const folder = here.protocol === "file:" ? here.pathname : here.href;
const SITE = "/site";
// What was unpacked once, where offline.js keeps the build, too.
const KEPT = `dmvpn-tab-${here.pathname.split("/").at(-2)}`;
// Octets of the pack that Python unpacks at a time: its memory grows for them, and never shrinks.
const SLICE = 65_536;
let tab = null;
let python = null;
const early = [];
// The number of the last message that was taken: those that came by mail come once more.
let taken = 0;

function say(percent, sentence) {
  postMessage({ boot: { percent, sentence } });
}

// Takes what the page has posted meanwhile; false if it cannot. While Python computes no message comes, so this asks the
// service worker, and that the page.
function mail() {
  try {
    const asked = new XMLHttpRequest();
    asked.open("GET", new URL(`../mail/${name}?after=${taken}`, here), false);
    asked.send();
    if (asked.status !== 200) return false;
    for (const message of JSON.parse(asked.responseText)) take(message);
    return true;
  } catch {
    return false;
  }
}

async function fetched(name) {
  const answer = await fetch(new URL(name, here));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

// What is kept of a file; undefined: nothing, or the browser refuses.
async function kept(name) {
  try {
    return await caches.match(new URL(name, here));
  } catch {
    return undefined;
  }
}

// Pyodide asks for the module as it is; the folder has it compressed, for hosts that compress nothing. offline.js keeps it
// unpacked, and of what comes through it, browsers keep the machine code, too.
const plain = globalThis.fetch;
globalThis.fetch = async (asked, ...more) => {
  const address = String(asked?.url ?? asked);
  if (!address.endsWith("/pyodide.asm.wasm")) return plain(asked, ...more);
  const unpacked = await kept(address);
  const through = unpacked && (await plain(asked, ...more).catch(() => undefined));
  if (unpacked) return through?.ok ? through : unpacked;
  const answer = await plain(`${address}.gz`);
  if (!answer.ok || !answer.body) return answer;
  const octets = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(octets, { headers: { "Content-Type": "application/wasm" } });
};

// The archive of all modules, as the first start unpacked it, or as it is packed.
async function packed() {
  const [before, name] = [await kept("python.tar"), "python.tar.xz"];
  return { isPlain: before !== undefined, octets: new Uint8Array(await (before ?? (await fetched(name))).arrayBuffer()) };
}

async function unpacked(py, octets) {
  const decoder = py.runPython("import lzma; lzma.LZMADecompressor()");
  const parts = [];
  for (let at = 0; at < octets.length; at += SLICE) {
    const part = decoder.decompress(py.toPy(octets.subarray(at, at + SLICE)));
    parts.push(part.toJs());
    part.destroy();
  }
  decoder.destroy();
  const whole = new Uint8Array(await new Blob(parts).arrayBuffer());
  try {
    // Nobody waits for this: a later start is quicker by it.
    caches.open(KEPT).then((cache) => cache.put(new URL("python.tar", here), new Response(whole))).catch(() => {});
  } catch {
    // The browser keeps nothing.
  }
  return whole;
}

// Lays the files of an archive (POSIX ustar) into the file system. They stay where they are, outside of Python's memory.
function lay(files, tar) {
  const letters = new TextDecoder();
  for (let at = 0; tar[at]; ) {
    const field = (from, length) => letters.decode(tar.subarray(at + from, at + from + length)).split("\0")[0];
    const [name, size, folder] = [field(0, 100), parseInt(field(124, 12), 8), field(345, 155)];
    const path = [SITE, folder, name].filter(Boolean).join("/");
    files.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    files.writeFile(path, tar.subarray(at + 512, at + 512 + size), { canOwn: true });
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

async function load() {
  say(5, "fetches the program");
  const pack = packed();
  const py = (python = await loadPyodide({
    indexURL: folder,
    stdLibURL: `${folder}stdlib.zip`,
    env: { HOME: "/home/tab", LANGUAGE: "C", XDG_RUNTIME_DIR: "/run" }, // nobody looks for translations, file by file
  }));
  say(30, "unpacks it");
  py.FS.mkdirTree("/run");
  py.FS.chmod("/run", 0o700);
  const { isPlain, octets } = await pack;
  lay(py.FS, isPlain ? octets : await unpacked(py, octets));
  say(50, "reads it");
  // Nothing of a module is garbage.
  py.runPython(`
import gc, sys
gc.disable()
sys.path.insert(0, "${SITE}")
import dmvpn.app.tab
gc.freeze()
gc.enable()
`);
  return py.pyimport("dmvpn.app.tab").Tab((text, octets) => {
    const message = JSON.parse(text);
    const chunk = octets.toJs();
    octets.destroy?.();
    if (chunk.length === 0) return void postMessage({ ...message, taken });
    const own = chunk.slice();
    postMessage({ ...message, taken, chunk: own }, [own.buffer]);
  }, mail);
}

async function start(wish) {
  const made = await loading;
  await made.boot(JSON.stringify(wish));
  // A collection searches all that a job has made, 0.2 s with 60 routers, and a key waits meanwhile. Little is garbage.
  python.runPython("import gc; gc.set_threshold(200_000)");
  tab = made;
  for (const message of early.splice(0)) take(message);
  try {
    made.read_ahead(await (await fetched("later.json")).text());
  } catch {
    // Jobs read what they need themselves.
  }
}

function take({ n, body, ...message }) {
  if (n <= taken) return;
  taken = n ?? taken;
  const octets = typeof body === "string" ? new TextEncoder().encode(body) : body ?? new Uint8Array();
  tab.take(JSON.stringify(message), python.toPy(octets));
}

function fail(error) {
  postMessage({ boot: { error: String(error?.message ?? error) } });
}

addEventListener("message", ({ data }) => {
  if (data.boot) start(data.boot).catch(fail);
  else if (data.check) loading.then((made) => made.check(JSON.stringify(data.check))).catch(fail);
  else if (tab === null) early.push(data);
  else take(data);
});

// A user reads and chooses meanwhile.
const loading = load();
loading.catch(fail);
