// Puts a compressed file beside every text of the build, so that the platform need not compress at run time.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
for (const name of readdirSync(dist, { recursive: true })) {
  if (/\.(js|css|html|svg)$/.test(name)) {
    const file = new URL(name, dist);
    writeFileSync(`${file.pathname}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
}
