// `node build.js` writes the files of ../static; `--check` compares them instead.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}../static/`;
const files = {};

/** The licences of the packages that a bundle holds, as each demands. */
function licences(inputs) {
  const names = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]));
  names.delete(undefined);
  return [...names].sort().map((name) => {
    const folder = `${here}node_modules/${name}/`;
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    return `${name}\n\n${readFileSync(folder + file, "utf8").trim()}\n`;
  });
}

mkdirSync(out, { recursive: true });
const entries = { stream: "stream.js", shim: "shim.js", player: "player/player.js" };
for (const [name, entry] of Object.entries(entries)) {
  const made = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    banner: { js: name === "stream" ? "// Contains the packages named in LICENSES.txt beside it." : "" },
    bundle: true,
    charset: "utf8",
    format: "esm",
    legalComments: "none",
    loader: { ".css": "text" },
    metafile: true,
    minify: true,
    target: ["es2021", "chrome100", "firefox100", "safari15.4"],
    write: false,
  });
  files[`${name}.js`] = made.outputFiles[0].text;
  const held = licences(Object.keys(made.metafile.inputs));
  if (held.length) files["LICENSES.txt"] = held.join("\n---\n\n");
}

const stale = Object.entries(files).filter(([name, text]) => {
  if (process.argv.includes("--check")) return text !== readFileSync(out + name, "utf8");
  writeFileSync(out + name, text);
  return false;
});
if (stale.length) {
  const names = stale.map(([name]) => name).join(", ");
  console.error(`static/${names} is not what widgets/src builds: run npm run build there.`);
  process.exit(1);
}
