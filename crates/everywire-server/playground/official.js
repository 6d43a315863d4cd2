// Official clients of other families: from their own network of servers, as exactly the file that this page knows, or else
// from this server, which has what it was started with.

/** From where a client has not come in this time, it will not come. In ms. */
const LOADING = 6_000;

/**
 * A function that gets a client. `element` is the template in the page whose script loads it, with the hash that the
 * file must have, and `here` gets it from this server.
 */
export function official(element, here) {
  let client;
  return () => {
    client ??= fromNetwork(element).catch(here);
    // It may be there the next time.
    client.catch(() => (client = undefined));
    return client;
  };
}

/** The script waits in the page: to put it in place loads it. */
function fromNetwork(element) {
  const script = document.querySelector(element).content.firstElementChild.cloneNode();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("too slow")), LOADING);
    script.onload = () => {
      clearTimeout(timer);
      resolve(globalThis);
    };
    script.onerror = () => {
      clearTimeout(timer);
      reject(new Error("not loaded"));
    };
    document.head.append(script);
  });
}
