// Clients of other languages and the examples of the README, each run as its own program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "../support/server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, "../../examples");

let server;
before(async () => {
  server = await startServer({ args: ["--rate-limits", "off"] });
});
after(() => server.dispose());

function runProgram(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], cwd: join(here, "..") });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", (error) => resolve({ code: -1, output: String(error) }));
    child.once("exit", (code) => resolve({ code, output }));
  });
}

// The system's python3 has Debian's python3-socketio.
const PROGRAMS = [
  ["python-socketio", "/usr/bin/python3", [join(here, "python_client.py")]],
  ["curl", "bash", [join(here, "curl.sh")]],
  ["example: JavaScript", "node", [join(examples, "chat.mjs")]],
  ["example: Python", "/usr/bin/python3", [join(examples, "chat.py")]],
  ["example: curl", "bash", [join(examples, "chat.sh")]],
];

for (const [name, command, args] of PROGRAMS) {
  test(name, { timeout: 60_000 }, async () => {
    const { code, output } = await runProgram(command, [...args, server.url]);
    assert.equal(code, 0, output);
  });
}
