/* The one WebSocket: asks, waits for the answers, and comes back when the server was away. */

const UNAUTHORIZED = 4401;
const LONGEST_WAIT = 5000; // ms between two attempts to connect

/** What the server refuses: its message, and the dotted path of the control that it is about. */
export class Refusal extends Error {
  constructor({ message, where }) {
    super(message);
    this.where = where ?? "";
  }
}

export class Connection {
  /** `told` is called with what the server says unasked: ("state" | "frame" | "notice", content);
   * `changed` with "open", "away" or "unauthorized". */
  constructor(token, told, changed) {
    Object.assign(this, { token, told, changed });
    this.waiting = new Map();
    this.number = 0;
    this.failures = 0;
    this.open();
  }

  open() {
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.onopen = () => this.greet();
    this.socket.onmessage = event => this.receive(JSON.parse(event.data));
    this.socket.onclose = event => this.closed(event);
  }

  async greet() {
    const state = await this.request("hello", { token: this.token }).catch(() => null);
    if (state === null) return; // the socket is closed, too
    this.failures = 0;
    this.changed("open");
    this.told("state", state);
  }

  closed(event) {
    for (const { reject } of this.waiting.values()) reject(new Refusal({ message: "the server does not answer" }));
    this.waiting.clear();
    if (event.code === UNAUTHORIZED) return this.changed("unauthorized");
    this.changed("away");
    this.failures += 1;
    setTimeout(() => this.open(), Math.min(LONGEST_WAIT, 250 * 2 ** this.failures));
  }

  receive(message) {
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
