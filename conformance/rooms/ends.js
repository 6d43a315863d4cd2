// What a story has started ends with it, the last first: clients before the server that they talk to.

const endings = new WeakMap();

/** Calls `end` when this test is over, however it went. */
export function atEnd(test, end) {
  let stack = endings.get(test);
  if (stack === undefined) {
    stack = [];
    endings.set(test, stack);
    test.after(async () => {
      const failed = [];
      while (stack.length > 0) {
        // One that fails keeps no other from ending: what is left running would keep the runner waiting.
        try {
          await stack.pop()();
        } catch (error) {
          failed.push(error);
        }
      }
      if (failed.length > 0) throw new AggregateError(failed, failed.map(({ message }) => message).join("; "));
    });
  }
  stack.push(end);
}
