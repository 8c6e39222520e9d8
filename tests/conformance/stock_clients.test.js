// The stock JavaScript client, the original's version and the newest, over each transport.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { io as newest } from "socket.io-client";
import { io as original } from "socket.io-client-4.7.5";
import { Server, soon, sleep } from "./support.js";

let server;
before(async () => (server = await Server.start({ "ping-interval": 25000, "ping-timeout": 20000 })));
after(() => server.stop());

const once = (emitter, name) => soon(new Promise((resolve) => emitter.once(name, (...values) => resolve(values))), name);

for (const [version, io] of [["4.7.5", original], ["newest", newest]]) {
  for (const [name, transports] of [
    ["upgrade", ["polling", "websocket"]],
    ["polling", ["polling"]],
    ["websocket", ["websocket"]],
  ]) {
    describe(`socket.io-client ${version}, ${name}`, () => {
      const connect = async (path = "/", options = {}) => {
        const socket = io(`http://127.0.0.1:${server.port}${path}`, { transports, forceNew: true, ...options });
        socket.auths = [];
        socket.on("auth", (auth) => socket.auths.push(auth));
        await once(socket, "connect");
        return socket;
      };

      it("connects with auth, emits, gets acknowledgements", async () => {
        const socket = await connect("/", { auth: { token: "123" } });
        assert.deepEqual(await socket.timeout(5000).emitWithAck("message-with-ack", 1, "마루", { a: [true] }), 1);
        assert.deepEqual(socket.auths, [{ token: "123" }]);
        socket.emit("message", "마루", { a: [1] });
        assert.deepEqual(await once(socket, "message-back"), ["마루", { a: [1] }]);
        socket.disconnect();
      });

      it("sends and receives bytes", async () => {
        const socket = await connect();
        socket.emit("message", Buffer.from([1, 2, 3]), { nested: [Buffer.from([4])] });
        const [bytes, object] = await once(socket, "message-back");
        assert.deepEqual(Buffer.from(bytes), Buffer.from([1, 2, 3]));
        assert.deepEqual(Buffer.from(object.nested[0]), Buffer.from([4]));
        const echoed = await socket.timeout(5000).emitWithAck("message-with-ack", Buffer.alloc(50000, 7));
        assert.deepEqual(Buffer.from(echoed), Buffer.alloc(50000, 7));
        socket.disconnect();
      });

      it("keeps the order of many, across the upgrade", async () => {
        const socket = io(`http://127.0.0.1:${server.port}/`, { transports, forceNew: true });
        const seen = [];
        const all = new Promise((resolve) => socket.on("message-back", (n) => seen.push(n) === 500 && resolve()));
        for (let i = 0; i < 500; ++i) {
          socket.emit("message", i);
          if (i % 50 === 0) await sleep(5);
        }
        await soon(all, "all of them");
        assert.deepEqual(seen, Array.from({ length: 500 }, (_, i) => i));
        if (name === "upgrade") assert.equal(socket.io.engine.transport.name, "websocket");
        socket.disconnect();
      });

      it("shares a connection between namespaces", async () => {
        const main = await connect();
        const custom = main.io.socket("/custom");
        await once(custom, "connect");
        custom.emit("message", "in custom");
        assert.deepEqual(await once(custom, "message-back"), ["in custom"]);
        custom.disconnect();
        assert.equal(await main.timeout(5000).emitWithAck("message-with-ack", "still here"), "still here");
        main.disconnect();
      });

      it("hears why it is refused", async () => {
        const refused = io(`http://127.0.0.1:${server.port}/refused`, { transports, forceNew: true });
        const [error] = await once(refused, "connect_error");
        assert.equal(error.message, 'not "today"');
        assert.deepEqual(error.data, { code: "closed" });
        refused.disconnect();
        const unknown = io(`http://127.0.0.1:${server.port}/unknown`, { transports, forceNew: true });
        assert.equal((await once(unknown, "connect_error"))[0].message, "Invalid namespace");
        unknown.disconnect();
      });

      it("does not come back after 41, but does after a lost transport", async () => {
        const kicked = await connect();
        kicked.emit("kick-me");
        assert.equal((await once(kicked, "disconnect"))[0], "io server disconnect");
        assert.equal(kicked.active, false);
        const dropped = await connect("/", { reconnectionDelay: 10 });
        const { id } = dropped;
        dropped.emit("drop-me");
        assert.match((await once(dropped, "disconnect"))[0], /^transport (close|error)$/);
        await once(dropped, "connect");
        assert.notEqual(dropped.id, id);
        dropped.disconnect();
      });
    });
  }
}
