/* The one WebSocket: asks, waits for the answers, and comes back when the server was away. */

const UNAUTHORIZED = 4401;
const FULL = 4429;
const LONGEST_WAIT = 5000; // ms between two attempts to connect

/** Return what only those can know who know the key: HMAC-SHA256 of the challenge, in hexadecimal digits. */
async function proof(key, challenge) {
  if (!key) return ""; // which no key is
  const [secret, text] = [key, challenge].map(part => new TextEncoder().encode(part));
  const kind = { name: "HMAC", hash: "SHA-256" };
  const signed = await crypto.subtle.sign(kind, await crypto.subtle.importKey("raw", secret, kind, false, ["sign"]), text);
  return [...new Uint8Array(signed)].map(byte => byte.toString(16).padStart(2, "0")).join("");
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
   * ("state" | "frame" | "notice", content); `changed` with "open", "away", "full" (and what the server says of it) or "unauthorized". */
  constructor(key, told, changed) {
    Object.assign(this, { key, told, changed });
    this.server = null;
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

  /** The key itself is never sent: the server may have gone, and another program have taken its port. */
  async greet(challenge) {
    const greeting = await this.request("hello", { proof: await proof(this.key, challenge) }).catch(() => null);
    if (greeting === null) return; // the socket is closed, too
    this.failures = 0;
    this.key = greeting.token;
    sessionStorage.setItem("token", greeting.token); // for when the page is loaded again
    this.changed("open");
    this.told("state", greeting.state);
    if (this.server !== null && this.server !== greeting.server) this.told("notice", "The server was started anew: this is its run.");
    this.server = greeting.server;
  }

  closed(event) {
    for (const { reject } of this.waiting.values()) reject(new Refusal({ message: "the server does not answer" }));
    this.waiting.clear();
    if (event.code === UNAUTHORIZED) return this.changed("unauthorized");
    const full = event.code === FULL;
    this.failures += 1;
    this.next = setTimeout(() => this.open(), full ? LONGEST_WAIT : Math.min(LONGEST_WAIT, 250 * 2 ** this.failures));
    this.changed(full ? "full" : "away", event.reason);
  }

  receive(message) {
    if (message.type === "challenge") return this.greet(message.challenge);
    if (message.id === undefined) return this.told(message.type, message.state ?? message.frame ?? message.text);
    const asked = this.waiting.get(message.id);
    if (!asked) return;
    this.waiting.delete(message.id);
    if (message.ok) asked.resolve(message.result);
    else asked.reject(new Refusal(message.error));
  }

  /** Return a promise of the result; it is rejected with a Refusal. */
  request(type, fields = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Refusal({ message: "the server is away; the page connects again as soon as it is back" }));
    }
    const id = (this.number += 1);
    this.socket.send(JSON.stringify({ id, type, ...fields }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }
}
