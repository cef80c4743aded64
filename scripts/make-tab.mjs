// Builds the lab in a tab: a folder that any server of files can serve.   node scripts/make-tab.mjs [FOLDER] [WHEEL...]
//
// Pyodide comes from npm and wheels from a package index, each of an exact version and checked by its hash; both are
// kept in build/tab-parts, or in the folder that TAB_PARTS names. WHEEL: further wheels, such as cryptography for the
// platform of Pyodide.
// The folder has one name of its own for each build, after a hash of all that is in it, so no tab mixes two builds.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const VERSION = "314.0.7";
const INTEGRITY =
  "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A==";
const PLATFORMS = ["pyemscripten_2026_0_wasm32", "manylinux2014_x86_64"];
const PYTHON = ["--python-version", "3.14", "--implementation", "cp", "--abi", "cp314"];
// Octets of the folder, without further wheels.
const MOST = 12e6;

const scripts = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(scripts);
const target = path.resolve(process.argv[2] ?? path.join(root, "build/tab"));
const given = process.argv.slice(3);
const python = path.join(root, ".venv/bin/python");
const parts = process.env.TAB_PARTS ?? path.join(root, "build/tab-parts");

function stop(text) {
  console.error(`tab: ${text}`);
  process.exit(1);
}

function run(command, words, hint) {
  try {
    return execFileSync(command, words, { cwd: parts, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    stop(`${hint}\n${String(error.stderr ?? error).trim().split("\n").slice(-3).join("\n")}\nRun: ${command} ${words.join(" ")}`);
  }
}

/** Pyodide as npm has it, unpacked; returns its folder. */
function pyodide() {
  const folder = path.join(parts, `pyodide-${VERSION}`);
  if (!fs.existsSync(path.join(folder, "package/pyodide.mjs"))) {
    run("npm", ["pack", "--silent", `pyodide@${VERSION}`], "Pyodide cannot be fetched");
    const archive = path.join(parts, `pyodide-${VERSION}.tgz`);
    const sum = createHash("sha512").update(fs.readFileSync(archive)).digest("base64");
    if (`sha512-${sum}` !== INTEGRITY) stop(`${archive} is not the expected Pyodide`);
    fs.mkdirSync(folder, { recursive: true });
    run("tar", ["-xzf", archive, "-C", folder], "Pyodide cannot be unpacked");
  }
  return path.join(folder, "package");
}

/** The wheels of the lock; returns their folder. */
function wheels() {
  const lock = path.join(root, "requirements/tab.txt");
  const folder = path.join(parts, "wheels");
  const wanted = fs.readFileSync(lock, "utf8").split("\n").filter((line) => line.includes("=="));
  const has = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  if (has.length !== wanted.length) {
    fs.rmSync(folder, { recursive: true, force: true });
    const platforms = PLATFORMS.flatMap((name) => ["--platform", name]);
    const words = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"];
    run(python, [...words, ...PYTHON, ...platforms, "-d", folder, "-r", lock], "wheels cannot be fetched");
  }
  return folder;
}

/** Checks that further wheels are those of Pyodide, and that all are there which they need. packages: as it lists them. */
function check(packages) {
  const all = Object.values(packages);
  const known = given.map((file) => {
    const one = all.find(({ file_name: name }) => name === path.basename(file));
    if (one === undefined) stop(`${file} is no wheel of Pyodide ${VERSION}, which has ${packages.cryptography.file_name}`);
    if (!fs.existsSync(file)) stop(`there is no file ${file}`);
    const sum = createHash("sha256").update(fs.readFileSync(file)).digest("hex");
    if (sum !== one.sha256) stop(`${file} is not the wheel that Pyodide ${VERSION} has: its SHA-256 is ${sum}, not ${one.sha256}`);
    return one;
  });
  const missing = known.flatMap(({ depends }) => depends).find((name) => !known.includes(packages[name]));
  if (missing !== undefined) stop(`these wheels also need ${packages[missing].file_name}`);
}

/** What Pyodide's own Python makes of the modules: see scripts/tab-packs.py. */
async function packs(from, folder, out) {
  const { loadPyodide } = await import(pathToFileURL(path.join(from, "pyodide.mjs")).href);
  const py = await loadPyodide({ indexURL: from });
  for (const [place, real] of [["/wheels", folder], ["/out", out]]) {
    py.FS.mkdirTree(place);
    py.mountNodeFS(place, real);
  }
  const ours = path.join(work, "src.tar");
  run("tar", ["-cf", ours, "--exclude=__pycache__", "-C", path.join(root, "src"), "dmvpn"], "the sources cannot be packed");
  py.FS.writeFile("/src.tar", fs.readFileSync(ours));
  py.FS.writeFile("/stdlib.zip", fs.readFileSync(path.join(from, "python_stdlib.zip")));
  py.runPython(fs.readFileSync(path.join(scripts, "tab-packs.py"), "utf8"));
}

function copy(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, to);
}

function files(folder) {
  const found = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return found.map((one) => path.relative(folder, path.join(one.parentPath, one.name))).sort();
}

fs.mkdirSync(parts, { recursive: true });
const work = fs.mkdtempSync(path.join(parts, "work-")); // of this run: another one may be under way
process.on("exit", () => fs.rmSync(work, { recursive: true, force: true }));
const from = pyodide();
const lock = JSON.parse(fs.readFileSync(path.join(from, "pyodide-lock.json"), "utf8"));
check(lock.packages);
const folder = wheels();
const staged = path.join(work, "staged");
const wheelsHere = path.join(work, "wheels");
for (const made of [staged, wheelsHere]) fs.mkdirSync(made);
for (const name of fs.readdirSync(folder)) copy(path.join(folder, name), path.join(wheelsHere, name));
for (const name of given) copy(path.resolve(name), path.join(wheelsHere, path.basename(name)));

await packs(from, wheelsHere, staged);
const more = given.some((name) => path.basename(name).startsWith("cryptography")) ? ["--cryptography"] : [];
run(python, [path.join(scripts, "tab-finish.py"), staged, ...more], "the modules cannot be packed");
copy(path.join(from, "pyodide.mjs"), path.join(staged, "pyodide.mjs"));
copy(path.join(from, "pyodide.asm.mjs"), path.join(staged, "pyodide.asm.mjs"));
fs.writeFileSync(path.join(staged, "pyodide-lock.json"), JSON.stringify({ ...lock, packages: {} }));
fs.writeFileSync(path.join(staged, "pyodide.asm.wasm.gz"), gzipSync(fs.readFileSync(path.join(from, "pyodide.asm.wasm")), { level: 9 }));
const web = path.join(root, "src/dmvpn/web");
copy(path.join(web, "tab/worker.mjs"), path.join(staged, "worker.mjs"));
for (const name of files(path.join(web, "page"))) copy(path.join(web, "page", name), path.join(staged, "page", name));

const hash = createHash("sha256");
for (const name of files(staged)) hash.update(`${name}\0`).update(fs.readFileSync(path.join(staged, name)));
const build = hash.digest("hex").slice(0, 16);
fs.rmSync(target, { recursive: true, force: true });
fs.mkdirSync(target, { recursive: true });
fs.cpSync(staged, path.join(target, build), { recursive: true });
const front = path.join(web, "page/tab.html");
const index = fs.readFileSync(fs.existsSync(front) ? front : path.join(web, "tab/bare.html"), "utf8");
fs.writeFileSync(path.join(target, "index.html"), index.replaceAll("BUILD/", `${build}/`));
const kept = files(path.join(target, build)).map((name) => `${build}/${name.split(path.sep).join("/")}`);
const offline = fs.readFileSync(path.join(web, "tab/offline.js"), "utf8");
fs.writeFileSync(
  path.join(target, "offline.js"),
  offline.replace("const BUILD = \"\";", `const BUILD = "${build}";`).replace("const FILES = [];", `const FILES = ${JSON.stringify(["./", ...kept])};`),
);
const size = files(target).reduce((sum, name) => sum + fs.statSync(path.join(target, name)).size, 0);
console.log(`tab: ${target}, build ${build}, ${(size / 1e6).toFixed(1)} MB`);
const most = given.reduce((sum, name) => sum + fs.statSync(name).size, MOST);
if (size > most) stop(`it is larger than ${(most / 1e6).toFixed(1)} MB`);
process.exit(0);
