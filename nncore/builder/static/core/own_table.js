/* The text of the table that this tab has sent: the server keeps it only until its end, and no link holds it. */

const NAME = "table";

/** Keep the text of a table; `id` is what the state calls it. One that is too large for the browser is not kept. */
export function keepTable(id, csv) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify({ id, csv }));
  } catch {
    sessionStorage.removeItem(NAME);
  }
}

/** Return the text of a table, or null if it is not the one that is kept. */
export function keptTable(id) {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  return id && kept?.id === id ? kept.csv : null;
}
