// A flood of logins, each address within its own limits: who has logged in to an account from an
// address before gets in all the same, also after a restart. A proxy's word gives the addresses.
import assert from "node:assert/strict";
import http from "node:http";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Server } from "../support/server.mjs";
import { call, uniqueName } from "../support/api.mjs";

const GOOD = "korrekt-pferd-batterie";
const OWNERS = 40;
const owners = Array.from({ length: OWNERS }, (_, i) => ({ userName: uniqueName("owner"), address: `198.51.100.${i + 1}` }));
const from = (address) => ({ "x-forwarded-for": address, "x-forwarded-proto": "http" });

const logIn = (server, { userName, address }, password = GOOD) =>
  call(server, "POST", "/api/users/login", { body: { userName, password }, headers: from(address) });

// Guesses as fast as the server takes them: `each` from every address, of names of its own, so that
// no delay of failed logins comes before the hashing. Counts answers by status, and tells when the
// first was refused.
function flood(server, addresses, each) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 400 });
  const counts = {};
  let refused;
  const begun = new Promise((resolve) => (refused = resolve));
  const one = (address, i) => new Promise((resolve) => {
    const request = http.request(`${server.url}/api/users/login`, { method: "POST", agent,
      headers: { ...from(address), "content-type": "application/json" } }, (answer) => {
      counts[answer.statusCode] = (counts[answer.statusCode] ?? 0) + 1;
      if (answer.statusCode === 429 || answer.statusCode === 503) refused();
      answer.resume().on("end", resolve);
    });
    request.on("error", resolve);
    request.end(JSON.stringify({ userName: `n${address}x${i}`, password: "guess-guess-guess" }));
  });
  const all = Promise.all(addresses.flatMap((address) => Array.from({ length: each }, (_, i) => one(address, i))));
  return { begun: Promise.race([begun, all]), counts, ended: all.finally(() => agent.destroy()) };
}

const few = Array.from({ length: 200 }, (_, i) => `203.0.113.${i + 1}`);
const many = Array.from({ length: 5000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);

test("forty owners log in while 200, then 5,000 addresses guess, and after a restart", async (t) => {
  const server = new Server({ args: ["--trusted-proxies", "127.0.0.1", "--connections-per-ip", "10000"] });
  await server.start();
  try {
    for (const owner of owners) {
      const answer = await call(server, "POST", "/api/users/register",
        { body: { userName: owner.userName, password: GOOD }, headers: from(owner.address) });
      assert.equal(answer.status, 201, answer.text);
    }
    const round = async (name, addresses, each) => {
      const attack = flood(server, addresses, each);
      await attack.begun;
      const started = performance.now();
      const answers = await Promise.all(owners.map((owner) => logIn(server, owner)));
      const slowest = Math.round(performance.now() - started);
      const failed = answers.filter((answer) => answer.status !== 200);
      const guess = await logIn(server, { ...owners[0], address: "192.0.2.200" }, "guess-guess-guess");
      await attack.ended;
      t.diagnostic(`${name}: ${OWNERS - failed.length} of ${OWNERS} in ${slowest} ms; the attack: ${JSON.stringify(attack.counts)}`);
      assert.deepEqual(failed.map((answer) => answer.text), []);
      // The strangers' share was taken, or else nothing was shown.
      assert.ok((attack.counts[429] ?? 0) + (attack.counts[503] ?? 0) > 0);
      assert.notEqual(guess.status, 200);
    };
    await round("200 addresses", few, 5);
    await server.stop();
    const file = statSync(join(server.dataDir, "data", "known_networks.bin"));
    assert.equal(file.mode & 0o777, 0o600);
    await server.start();
    await round("5,000 addresses, after a restart", many, 1);
  } finally {
    await server.dispose();
  }
});
