// Clients of other languages and the examples of the README, each run as its own program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../support/server.mjs";

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
    child.once("close", (code) => resolve({ code, output }));
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

for (const readme of ["README.md", "README.ko.md"]) {
  test(`${readme} shows the example as it is`, () => {
    const example = readFileSync(join(examples, "chat.mjs"), "utf8").split("\n").map((line) => line.trim());
    const block = readFileSync(join(examples, "..", readme), "utf8").match(/```js\n([\s\S]*?)```/)[1];
    const lines = block.split("\n").map((line) => line.trim()).filter(Boolean);
    assert.ok(lines.length > 5);
    for (const line of lines) assert.ok(example.includes(line), line);
  });
}
