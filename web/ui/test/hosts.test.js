import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "../text/hosts.js";

/** As a page has it. @param {string} host */
const hostname = (host) => new URL(`http://${host}:8000/r/x`).hostname;

test("an address that leads everybody to their own machine is no invitation, however it is written", () => {
  for (const host of [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "class.localhost",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "127.8.8.8",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
  ]) {
    assert.equal(isLoopback(hostname(host)), true, host);
  }
});

test("an address of a network, a name and a domain invite others", () => {
  for (const host of [
    "192.168.1.20",
    "10.0.0.1",
    "169.254.1.1",
    "class.test",
    "localhost.example.org",
    "mylocalhost",
    "laptop.local",
    "127.example.org",
    "[fe80::1]",
    "[2001:db8::1]",
    "[::ffff:192.168.1.20]",
  ]) {
    assert.equal(isLoopback(hostname(host)), false, host);
  }
});
