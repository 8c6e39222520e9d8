// Clients of other languages and the examples of the README, each run as its own program.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MARU_BIN, startServer } from "../support/server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, "../../examples");

const servers = {};
before(async () => {
  for (const auth of ["accounts", "open"]) {
    servers[auth] = await startServer({ args: ["--auth", auth, "--rate-limits", "off"] });
  }
});
after(() => Promise.all(Object.values(servers).map((server) => server.dispose())));

function runProgram(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], cwd: join(here, "..") });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", (error) => resolve({ code: -1, output: String(error) }));
    child.once("close", (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

// The system's python3 has Debian's python3-socketio.
const PROGRAMS = [
  ["python-socketio", "/usr/bin/python3", [join(here, "python_client.py")]],
  ["curl", "bash", [join(here, "curl.sh")]],
];
const HEARD = /^1 guest [0-9a-z]+: 안녕, 마루!$/m;
const STORED = /^stored as number 1$/m;
const EXAMPLES = [
  ["JavaScript", "node", join(examples, "chat.mjs"), [HEARD, STORED]],
  ["Python", "/usr/bin/python3", join(examples, "chat.py"), [HEARD, STORED]],
  ["curl", "bash", join(examples, "chat.sh"), [/^\{.*"sequence":1,.*\}$/m, /^\[\{.*"content":"안녕, 마루!".*\}\]$/m]],
];

for (const [name, command, args] of PROGRAMS) {
  test(name, { timeout: 60_000 }, async () => {
    const { code, output } = await runProgram(command, [...args, servers.accounts.url]);
    assert.equal(code, 0, output);
  });
}

for (const [name, command, file, expected] of EXAMPLES) {
  for (const auth of ["accounts", "open"]) {
    test(`example: ${name}, --auth ${auth}`, { timeout: 60_000 }, async () => {
      const { code, output } = await runProgram(command, [file, servers[auth].url]);
      assert.equal(code, 0, output);
      for (const pattern of expected) assert.match(output, pattern);
      assert.ok(!/error|exception/i.test(output), output);
    });
  }
  test(`example: ${name}, no server`, { timeout: 60_000 }, async () => {
    const { code } = await runProgram(command, [file, "http://127.0.0.1:1"]);
    assert.notEqual(code, 0);
  });
}

test("the READMEs name the packages of every library that the binary loads", (context) => {
  const libraries = execFileSync("ldd", [MARU_BIN], { encoding: "utf8" }).match(/^\s+\S+ => \S+/gm).map((line) => line.split("=>")[1].trim());
  assert.ok(libraries.length > 5, libraries.join(" "));
  if (spawnSync("dpkg", ["--version"]).error) return context.skip("no Debian system");
  for (const library of libraries) {
    const path = realpathSync(library);
    const found = [path, path.replace(/^\/usr/, "")].map((name) => spawnSync("dpkg", ["-S", name], { encoding: "utf8" }).stdout).join("");
    const name = found.match(/^([^:]+):/)?.[1];
    assert.ok(name, `whose is ${library}?`);
    if (["libc6", "libgcc-s1"].includes(name)) continue; // of libstdc++6
    for (const readme of ["README.md", "README.ko.md"]) {
      const words = readFileSync(join(examples, "..", readme), "utf8").split(/\s+/);
      assert.ok(words.includes(name), `${readme} has no ${name} (${library})`);
    }
  }
});

for (const readme of ["README.md", "README.ko.md"]) {
  test(`${readme} shows the example as it is`, () => {
    const example = readFileSync(join(examples, "chat.mjs"), "utf8").split("\n").map((line) => line.trim());
    const block = readFileSync(join(examples, "..", readme), "utf8").match(/```js\n([\s\S]*?)```/)[1];
    const lines = block.split("\n").map((line) => line.trim()).filter(Boolean);
    assert.ok(lines.length > 5);
    for (const line of lines) assert.ok(example.includes(line), line);
  });
}
