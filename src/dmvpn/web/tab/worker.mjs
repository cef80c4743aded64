// The worker of the lab in a tab: Pyodide with `dmvpn.app.tab`. What is posted is in docs/explanation/tab.md.
import { loadPyodide } from "./pyodide.mjs";

const here = new URL("./", import.meta.url);
// Where a test runs this without a browser, Pyodide reads files.
const folder = here.protocol === "file:" ? here.pathname : here.href;
const SITE = "/site";
let loading = null;
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

// Pyodide asks for the module as it is; the folder has it compressed, for hosts that compress nothing.
const plain = globalThis.fetch;
globalThis.fetch = async (asked, ...more) => {
  const address = String(asked?.url ?? asked);
  if (!address.endsWith("/pyodide.asm.wasm")) return plain(asked, ...more);
  const answer = await plain(`${address}.gz`);
  if (!answer.ok || !answer.body) return answer;
  const octets = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(octets, { headers: { "Content-Type": "application/wasm" } });
};

async function load() {
  say(5, "fetches the program");
  const packed = fetched("python.tar.xz").then((answer) => answer.arrayBuffer());
  const py = (python = await loadPyodide({
    indexURL: folder,
    stdLibURL: `${folder}stdlib.zip`,
    env: { HOME: "/home/tab", XDG_RUNTIME_DIR: "/run" },
  }));
  say(30, "unpacks it");
  py.FS.mkdirTree("/run");
  py.FS.chmod("/run", 0o700);
  py.FS.writeFile("/python.tar.xz", new Uint8Array(await packed));
  py.runPython(`
import lzma, os, sys, tarfile
with lzma.open("/python.tar.xz") as octets, tarfile.open(fileobj=octets) as archive:
    archive.extractall("${SITE}", filter="tar")
os.unlink("/python.tar.xz")
sys.path.insert(0, "${SITE}")
`);
  say(50, "reads it");
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
  const made = await (loading ??= load());
  await made.boot(JSON.stringify(wish));
  tab = made;
  for (const message of early.splice(0)) take(message);
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
  else if (data.check) (loading ??= load()).then((made) => made.check(JSON.stringify(data.check))).catch(fail);
  else if (tab === null) early.push(data);
  else take(data);
});
