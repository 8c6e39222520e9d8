// Guessing passwords, as those who guess and their victims meet it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, startServer } from "../support/server.mjs";
import { call, uniqueName } from "../support/api.mjs";

const GOOD = "korrekt-pferd-batterie";
// The proxy's word counts, so that one machine can be many clients.
const PROXY = ["--trusted-proxies", "127.0.0.1"];

const from = (address) => ({ "x-forwarded-for": address, "x-forwarded-proto": "http" });

function logIn(server, userName, password, address) {
  return call(server, "POST", "/api/users/login", { body: { userName, password }, headers: from(address) });
}

async function register(server, address = "198.51.100.1") {
  const userName = uniqueName("owner");
  const answer = await call(server, "POST", "/api/users/register", {
    body: { userName, password: GOOD }, headers: from(address),
  });
  assert.equal(answer.status, 201, answer.text);
  return { userName, token: answer.json.token };
}

test("failed logins survive kill -9", async () => {
  const server = new Server({ args: PROXY });
  await server.start();
  try {
    const { userName } = await register(server);
    // Four at once: the next is 8 seconds away.
    const guesses = await Promise.all([1, 2, 3, 4].map((i) => logIn(server, userName, `guess-${i}`, "203.0.113.1")));
    assert.deepEqual(guesses.map((answer) => answer.status), [401, 401, 401, 401]);
    await server.kill();
    await server.start();
    const delayed = await logIn(server, userName, GOOD, "203.0.113.1");
    assert.equal(delayed.status, 429, delayed.text);
    assert.ok(Number(delayed.headers.get("retry-after")) >= 1);
    assert.equal((await logIn(server, userName, GOOD, "198.51.100.1")).status, 200);
  } finally {
    await server.dispose();
  }
});

test("sixty guesses at once get four answers, by login and by a change of password", async () => {
  const server = await startServer({ args: PROXY });
  try {
    const { userName, token } = await register(server);
    const change = (i) => call(server, "PATCH", "/api/users/me", {
      token, headers: from("203.0.113.9"), body: { password: "zweites-pferd-links", currentPassword: `guess-${i}` },
    });
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => change(i)));
    const count = (status) => answers.filter((answer) => answer.status === status).length;
    assert.ok(count(401) <= 4, `${count(401)} were looked at`);
    assert.equal(count(401) + count(429), 60);
    const network = (i) => `2001:db8:7::${i}`; // one network, whatever the rest
    const logins = await Promise.all(Array.from({ length: 60 }, (_, i) => logIn(server, userName, `guess-${i}`, network(i))));
    assert.ok(logins.filter((answer) => answer.status === 401).length <= 4);
    assert.equal(logins.filter((answer) => answer.status === 429).length >= 56, true);
  } finally {
    await server.dispose();
  }
});

test("a stranger's failures do not lock the owner out", async () => {
  const server = await startServer({ args: PROXY });
  try {
    const { userName } = await register(server);
    await Promise.all([1, 2, 3, 4, 5].map((i) => logIn(server, userName, `guess-${i}`, "203.0.113.5")));
    assert.equal((await logIn(server, userName, GOOD, "203.0.113.5")).status, 429);
    assert.equal((await logIn(server, userName, GOOD, "198.51.100.20")).status, 200);
    // Many networks delay newcomers, but not where the owner has logged in.
    const networks = Array.from({ length: 24 }, (_, i) => `2001:db8:${i + 100}::1`);
    for (const address of networks) await logIn(server, userName, "guess-guess", address);
    assert.equal((await logIn(server, userName, GOOD, "192.0.2.200")).status, 429);
    assert.equal((await logIn(server, userName, GOOD, "198.51.100.20")).status, 200);
  } finally {
    await server.dispose();
  }
});
