// Fails when the script of the first load is larger than agreed, compressed.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 300;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

const size = (file) => gzipSync(readFileSync(new URL(file, dist))).length / 1000;

/** The files that are loaded together with an entry of the manifest, itself included. */
function closure(name, seen = new Set()) {
  if (!seen.has(name)) {
    seen.add(name);
    for (const next of manifest[name].imports ?? []) closure(next, seen);
  }
  return seen;
}

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
const first = closure(entry);
const total = [...first].reduce((sum, name) => sum + size(manifest[name].file), 0);
console.log(`first load  ${total.toFixed(1)} kB of ${LIMIT_KB} kB of script, gzip`);

for (const name of Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry)) {
  const more = [...closure(name)].filter((chunk) => !first.has(chunk));
  const sum = more.reduce((total, chunk) => total + size(manifest[chunk].file), 0);
  console.log(`  then ${sum.toFixed(1).padStart(6)} kB  ${name}`);
}
if (total > LIMIT_KB) {
  console.error("The first load is too large.");
  process.exit(1);
}
