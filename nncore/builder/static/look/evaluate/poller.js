/* Asks again whenever something changed, but not more often than is good, and never twice at a time. */

export class Poller {
  /** `ask` returns a promise; `pause` the least time in ms from one question to the next. */
  constructor(ask, pause) {
    Object.assign(this, { ask, pause, last: -Infinity, timer: null, busy: false, again: false });
  }

  /** Ask as soon as may be. */
  want() {
    if (this.busy) this.again = true;
    else if (this.timer === null) this.timer = setTimeout(() => this.run(), Math.max(0, this.last + this.pause() - performance.now()));
  }

  async run() {
    this.timer = null;
    this.busy = true;
    this.last = performance.now();
    try {
      await this.ask();
    } finally {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.want();
      }
    }
  }
}
