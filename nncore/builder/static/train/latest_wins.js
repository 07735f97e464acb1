/* Messages of a slider while it moves: only the latest counts. */

const PAUSE = 100; // ms between two of them

/** Return what sends the latest value and drops those before: one at a time, at most ten a second. When none waits any
 * more, `settled` gets the last result: states that came meanwhile were not shown. */
export function latestWins(send, settled, pause = PAUSE) {
  let waiting = [];
  let busy = false;
  const work = async () => {
    busy = true;
    let result = null;
    while (waiting.length) {
      const value = waiting.pop();
      waiting = [];
      result = await send(value);
      await new Promise(resolve => setTimeout(resolve, pause));
    }
    busy = false;
    settled(result);
  };
  return {
    busy: () => busy,
    send: value => {
      waiting.push(value);
      if (!busy) work();
    },
  };
}
