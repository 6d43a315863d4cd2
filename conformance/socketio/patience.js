// Nothing here takes long; what does not come at all fails with what it was.

/** In ms. Far more than anything here takes. */
export const PATIENCE = Number(process.env.PATIENCE ?? 20_000);

/** The promise, or an error that says what did not happen. */
export function within(promise, what, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came of ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
