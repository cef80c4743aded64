// Runs the worker of a built tab in Node, which has no worker of a page:   node tab_worker.mjs BUILD-FOLDER ASKED
// ASKED: JSON, {"boot": {...}, "requests": [{method, path, body}, ...]}. Prints one JSON: {boots, answers, digest}.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

const [built, asked] = [process.argv[2], JSON.parse(process.argv[3])];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tab-"));
for (const one of fs.readdirSync(built, { withFileTypes: true })) {
  if (one.isFile()) fs.copyFileSync(path.join(built, one.name), path.join(folder, one.name));
}
// Node reads the module itself, so it needs it as it is.
const wasm = path.join(folder, "pyodide.asm.wasm");
fs.writeFileSync(wasm, gunzipSync(fs.readFileSync(`${wasm}.gz`)));

const [boots, answers] = [[], new Map()];
let heard = () => {};
let listener;
globalThis.addEventListener = (_, listens) => (listener = listens);
globalThis.fetch = async (address) => new Response(fs.readFileSync(new URL(address)));
globalThis.postMessage = (message) => {
  if (message.boot) boots.push(message.boot);
  else {
    const answer = answers.get(message.id) ?? { text: "" };
    answers.set(message.id, answer);
    answer.status ??= message.status;
    if (message.chunk) answer.text += new TextDecoder().decode(message.chunk);
    answer.ended ||= Boolean(message.end || message.error);
    answer.error ??= message.error;
  }
  heard();
};
const until = (done) =>
  new Promise((resolve) => {
    heard = () => done() && resolve();
    heard();
  });

await import(pathToFileURL(path.join(folder, "worker.mjs")).href);
listener({ data: { boot: asked.boot } });
await until(() => boots.some((boot) => boot.ready || boot.error));
for (const [index, request] of (asked.requests ?? []).entries()) {
  const body = request.body === undefined ? null : JSON.stringify(request.body);
  const headers = body === null ? {} : { "content-type": "application/json" };
  const begun = Date.now();
  listener({ data: { id: index, method: request.method ?? "GET", path: request.path, headers, body } });
  await until(() => answers.get(index)?.ended || (request.until && answers.get(index)?.text.includes(request.until)));
  answers.get(index).milliseconds = Date.now() - begun;
}
fs.rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ boots, answers: [...answers.values()] }), () => process.exit(0));
