/* The one WebSocket: asks, waits for the answers, and comes back when the server was away. */

import { messageOf } from "./messages.js";

const UNAUTHORIZED = 4401;
const FULL = 4429;
const LONGEST_WAIT = 5000; // ms between two attempts to connect

/** Return what only those can know who know the key: an HMAC-SHA256 in hexadecimal digits. `who` proves it, page or
 * server; `challenge` is what both have chosen for this connection. */
async function proof(key, who, challenge) {
  if (!key) return ""; // which no key is
  const [secret, text] = [key, `${who}:${challenge}`].map(part => new TextEncoder().encode(part));
  const kind = { name: "HMAC", hash: "SHA-256" };
  const signed = await crypto.subtle.sign(kind, await crypto.subtle.importKey("raw", secret, kind, false, ["sign"]), text);
  return digits(new Uint8Array(signed));
}

function digits(bytes) {
  return [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
}

/** What the server refuses: its message, and the dotted path of the control that it is about. */
export class Refusal extends Error {
  constructor({ message, where }) {
    super(message);
    this.where = where ?? "";
  }
}

export class Connection {
  /** `key` is the server's token, or the code that works once. `told` is called with what the server says unasked:
   * ("server", its name for this time | "state" | "frame" | "notice", content);
   * `changed` with "open", "away", "full" (and what the server says of it) or "unauthorized". */
  constructor(key, told, changed) {
    Object.assign(this, { key, told, changed });
    Object.assign(this, { known: false, lost: false, held: [] });
    this.others = new BroadcastChannel("nncore builder"); // reaches pages of this address alone
    this.others.onmessage = event => this.learn(event.data);
    this.waiting = new Map();
    this.number = 0;
    this.failures = 0;
    this.open();
  }

  /** Connect now, and not only when the next attempt is due. */
  open() {
    clearTimeout(this.next);
    if (this.socket && this.socket.readyState !== WebSocket.CLOSED) return;
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.onmessage = event => this.receive(JSON.parse(event.data));
    this.socket.onclose = event => this.closed(event);
  }

  /** Page and server prove to each other that they know the key, which no page ever sends: the server may have gone, and
   * another program have taken its port. */
  async greet(challenge) {
    const nonce = digits(crypto.getRandomValues(new Uint8Array(16)));
    const both = `${challenge}:${nonce}`;
    const fields = { nonce, proof: await proof(this.key, "page", both) };
    const greeting = await this.request("hello", fields).catch(() => null);
    if (greeting === null) return; // the socket is closed, too
    if (greeting.proof === (await proof(this.key, "server", both))) return this.welcomed(greeting);
    this.socket.onclose = null;
    this.socket.close();
    this.closed({ code: UNAUTHORIZED });
  }

  welcomed({ token, server, state }) {
    const held = this.held.splice(0);
    Object.assign(this, { failures: 0, known: true, key: token });
    sessionStorage.setItem("token", token); // for when the page is loaded again
    this.others.postMessage(token);
    this.changed("open");
    this.told("server", server);
    this.told("state", state);
    held.forEach(message => this.receive(message));
  }

  /** A page that was opened later, with the address of a server that was started anew, tells the others its token. */
  learn(token) {
    if (this.known) return;
    if (this.lost) {
      sessionStorage.setItem("token", token);
      return location.reload();
    }
    this.key = token;
    this.open();
  }

  closed(event) {
    this.known = false;
    this.held = []; // what was told before the server has proved that it is the one
    for (const { reject } of this.waiting.values()) reject(new Refusal({ message: "the server does not answer" }));
    this.waiting.clear();
    this.lost = event.code === UNAUTHORIZED;
    if (this.lost) return this.changed("unauthorized");
    const full = event.code === FULL;
    this.failures += 1;
    this.next = setTimeout(() => this.open(), full ? LONGEST_WAIT : Math.min(LONGEST_WAIT, 250 * 2 ** this.failures));
    this.changed(full ? "full" : "away", event.reason);
  }

  receive(message) {
    if (message.type === "challenge") return this.greet(message.challenge);
    if (message.id === undefined && !this.known) return this.held.push(message);
    if (message.id === undefined) return this.told(message.type, message.state ?? message.frame ?? message.text);
    const asked = this.waiting.get(message.id);
    if (!asked) return;
    this.waiting.delete(message.id);
    if (message.ok) asked.resolve(message.result);
    else asked.reject(new Refusal(message.error));
  }

  /** Return a promise of the result; it is rejected with a Refusal. See `MESSAGES` for what there is to ask. */
  request(type, fields = {}) {
    const sent = messageOf((this.number += 1), type, fields);
    if (this.socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Refusal({ message: "the server is away; the page connects again as soon as it is back" }));
    }
    this.socket.send(JSON.stringify(sent));
    return new Promise((resolve, reject) => this.waiting.set(sent.id, { resolve, reject }));
  }
}
