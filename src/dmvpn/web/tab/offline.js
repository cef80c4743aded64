// Keeps one whole build for the time without a network. `make tab` writes its name and its files here.
const BUILD = "";
const FILES = [];
// Milliseconds in which a page answers, and pages that are remembered.
const PATIENCE = 1000;
const MOST = 16;
const OURS = `dmvpn-tab-${BUILD}`;
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; base-uri 'none'; form-action 'none'";

// Keeps the module of Pyodide unpacked: browsers keep the machine code of such a one.
async function keep() {
  const cache = await caches.open(OURS);
  await cache.addAll(FILES);
  for (const name of FILES.filter((one) => one.endsWith(".wasm.gz"))) {
    const { body } = await cache.match(name);
    const headers = { "Content-Type": "application/wasm" };
    await cache.put(name.slice(0, -3), new Response(body.pipeThrough(new DecompressionStream("gzip")), { headers }));
    await cache.delete(name);
  }
}

addEventListener("install", (event) => event.waitUntil(keep()));

// This comes when no page of an earlier build is open: until then a tab goes on with its own.
addEventListener("activate", (event) => {
  const others = (name) => name.startsWith("dmvpn-tab-") && name !== OURS;
  const clear = async () => Promise.all((await caches.keys()).filter(others).map((name) => caches.delete(name)));
  event.waitUntil(clear().then(() => clients.claim()));
});

async function answered(request) {
  const url = new URL(request.url);
  const isFront = [registration.scope, `${registration.scope}index.html`].includes(`${url.origin}${url.pathname}`);
  if (isFront) {
    try {
      return await fetch(request, { cache: "no-cache" });
    } catch {
      return (await caches.match(registration.scope)) ?? Response.error();
    }
  }
  return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request);
}

async function guarded(request) {
  const answer = await answered(request);
  if (!/\.(html|m?js)$|\/$/.test(new URL(request.url).pathname) || answer.type === "error") return answer;
  const headers = new Headers(answer.headers);
  headers.set("Content-Security-Policy", POLICY);
  return new Response(answer.body, { status: answer.status, headers });
}

// A worker that computes gets no messages, and asks here for those of its page. The page is asked once, by the name of
// the worker, and then posts all that the worker may not have taken whenever there is more: a page that draws is not
// waited for. When the browser has ended this script meanwhile, the page is asked again.
const boxes = new Map();

function opened(name) {
  const channel = new BroadcastChannel(name);
  const box = { channel, messages: [] };
  box.begun = new Promise((done) => {
    channel.onmessage = ({ data }) => done((box.messages = data));
    setTimeout(done, PATIENCE);
  });
  channel.postMessage("more");
  return box;
}

async function mail(name, after) {
  const box = boxes.get(name) ?? opened(name);
  boxes.delete(name);
  boxes.set(name, box); // the last that was asked for is kept longest
  for (const [old, { channel }] of [...boxes].slice(0, -MOST)) {
    channel.close();
    boxes.delete(old);
  }
  await box.begun;
  return Response.json(box.messages.filter(({ n }) => n > after));
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, searchParams } = new URL(request.url);
  const [, box] = pathname.split("/mail/");
  if (box) event.respondWith(mail(box, Number(searchParams.get("after"))));
  else if (request.method === "GET" && request.url.startsWith(registration.scope)) event.respondWith(guarded(request));
});
