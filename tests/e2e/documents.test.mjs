// The documents name the program's options as they are: none that does not exist, each where an operator looks for it,
// and no other default than the program's own.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../support/server.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path) => readFileSync(join(ROOT, path), "utf8");
const DOCUMENTS = [
  "README.md", "README.ko.md", "CONTRIBUTING.md", "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];
const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, s: 1000, ms: 1, min: 60_000 };

let defaults; // by option, as `maru config` prints them; "": none, or one that depends

before(async () => {
  const { stdout } = await run(["config"]);
  defaults = new Map([...stdout.matchAll(/^#([a-z-]+) = "?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]));
  assert.ok(defaults.size > 30, "the options of the program");
});

// "128 MiB" of a document is 134217728 of the program.
function plain(text) {
  const quantity = /^([\d,]+) (\w+)$/.exec(text);
  const unit = UNITS[quantity?.[2]];
  return unit === undefined ? text.replaceAll(",", "") : String(Number(quantity[1].replaceAll(",", "")) * unit);
}

// Rows of tables whose first cell names options: [option, second cell].
function rowsOf(document) {
  return [...read(document).matchAll(/^\| (`--[a-z-]+[` ].*?) ?\| (.*?) ?\|/gm)].flatMap(([, first, second]) =>
    [...first.matchAll(/`--([a-z-]+)/g)].map(([, option]) => [option, second]));
}

test("every option that a document names is one", () => {
  const known = new Set([...defaults.keys(), "config", "help", "version"]);
  for (const document of DOCUMENTS) {
    for (const [, command, option] of read(document).matchAll(/(`|\bmaru (?:[a-z-]+ )?)--([a-z][a-z-]*)/g)) {
      assert.ok(known.has(option), `${document}: ${command}--${option}`);
    }
  }
});

test("every option is named in docs/operations", () => {
  const text = DOCUMENTS.filter((name) => name.startsWith("docs/operations/")).map(read).join("\n");
  for (const option of defaults.keys()) assert.match(text, new RegExp(`\`--${option}\\b(?!-)`), option);
});

test("defaults in tables and behind an option's name are the program's", () => {
  let compared = 0;
  for (const document of DOCUMENTS) {
    // "`--answer-bytes` (128 MiB)"; what is no number is no default.
    const named = [...read(document).matchAll(/`--([a-z-]+)`\s\((\d[\d,]*(?:\s\w+)?)\)/g)].map(([, option, value]) => [option, value]);
    for (const [option, value] of [...rowsOf(document), ...named]) {
      const real = defaults.get(option);
      if (real === undefined || real === "") continue;
      // "10 a minute" begins with its number.
      const stated = [plain(value.replace(/\s+/g, " ")), value.split(" ")[0]];
      assert.ok(stated.includes(real), `${document}: --${option} is ${real}, not ${value}`);
      ++compared;
    }
  }
  assert.ok(compared > 20, `${compared} compared`);
});

test("the README names the same options in both languages", () => {
  const names = (document) => rowsOf(document).map(([option]) => option);
  assert.deepEqual(names("README.ko.md"), names("README.md"));
  assert.ok(names("README.md").length > 5);
});
