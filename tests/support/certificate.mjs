// A certificate of a test's own for localhost and 127.0.0.1, and its key, as files.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export function makeCertificate(directory) {
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(directory, name));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout", key, "-out", cert], { stdio: ["ignore", "ignore", "pipe"] });
  return { cert, key, ca: readFileSync(cert), args: ["--tls-cert", cert, "--tls-key", key] };
}
