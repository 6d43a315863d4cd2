// The server over TLS, with a certificate that was made for the test.

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { atEnd } from "../rooms/ends.js";
import { serve } from "../rooms/server.js";

/** What Chromium has to be told to talk with it. */
export const FLAGS = ["--ignore-certificate-errors"];

/** A folder that goes with the test. */
export async function folderFor(t) {
  const folder = await mkdtemp(path.join(tmpdir(), "everywire-tls-"));
  atEnd(t, () => rm(folder, { recursive: true }));
  return folder;
}

/** Runs `everywire serve` with this configuration (TOML), over TLS. */
export async function serveTls(t, config = "") {
  const folder = await folderFor(t);
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => path.join(folder, name));
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...names, "-days", "2", "-keyout", key, "-out", cert], { stdio: "pipe" });
  const { authority } = await serve(t, `${config}\n[tls]\ncert = "${cert}"\nkey = "${key}"\n`);
  return { authority, origin: `https://${authority}` };
}

/** In the page: which protocol brought it. */
export const protocolOf = (page) => page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
