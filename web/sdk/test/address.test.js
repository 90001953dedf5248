import assert from "node:assert/strict";
import { test } from "node:test";
import { Address } from "../address.js";

test("the address is the server's, with both parts encoded", () => {
  assert.equal(new Address("http://h:8000", "a/b?c", "x y").socket, "ws://h:8000/ws/a%2Fb%3Fc/x%20y");
  assert.equal(new Address("https://h/chat/?q#f", "r", "n").socket, "wss://h/chat/ws/r/n");
  assert.equal(new Address("ws://h", "کلاس", "علی").socket, "ws://h/ws/%DA%A9%D9%84%D8%A7%D8%B3/%D8%B9%D9%84%DB%8C");
  assert.equal(new Address("WSS://h", "", "").socket, "WSS://h/ws/general/anonymous");
  assert.equal(new Address("ws://h", "r", "\ud83d").socket, "ws://h/ws/r/%EF%BF%BD");
});
