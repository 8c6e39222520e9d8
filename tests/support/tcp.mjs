// What has become of the bytes of a TCP connection to a server of this machine, by the kernel's own account: a
// condition where a test would have to guess how long a server takes to read. IPv4.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { until } from "./api.mjs";

const ESTABLISHED = "01";
const CLOSE_WAIT = "08";

// The end at `port` whose other end is at `peerPort`; undefined: there is none.
function endOf(port, peerPort) {
  const hex = (number) => number.toString(16).toUpperCase().padStart(4, "0");
  const row = readFileSync("/proc/net/tcp", "utf8").split("\n").map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) => local?.endsWith(`:${hex(port)}`) && remote?.endsWith(`:${hex(peerPort)}`));
  if (row === undefined) return undefined;
  const [unacknowledged, unread] = row[4].split(":").map((text) => Number.parseInt(text, 16));
  return { state: row[3], unacknowledged, unread };
}

// Until the server has read all that was written to the socket, or has closed its end.
export async function untilRead(socket) {
  if (socket.connecting) await once(socket, "connect");
  const { localPort, remotePort } = socket;
  // First that it has come, then that it was taken: asked at once, it might be on its way between the two.
  await until(() => (endOf(localPort, remotePort)?.unacknowledged ?? 0) === 0, "bytes come");
  await until(() => (endOf(remotePort, localPort)?.unread ?? 0) === 0, "bytes are read");
}

// Until the server has closed its end of a connection that this side has destroyed.
export async function untilClosed(localPort, remotePort) {
  await until(() => ![ESTABLISHED, CLOSE_WAIT].includes(endOf(remotePort, localPort)?.state), "the server closes");
}
