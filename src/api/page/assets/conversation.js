/** What was said, and what of it a request carries. */

/**
 * @typedef {{ role: 'user', text: string, pictures: readonly string[] }
 *   | { role: 'assistant', text: string }} Said `pictures` are data URLs.
 * @typedef {{ type: 'text', text: string } | { type: 'image_url', image_url: { url: string } }} Part
 * @typedef {{ role: string, content: string | Part[] }} Message
 */

/** Characters of one request's messages; the gateway takes bodies of 10,000,000 bytes. */
const budget = 6_000_000;

/**
 * The messages of a request, oldest first. When they are too long the pictures of older messages go first, then the
 * oldest messages; the newest one always stays whole.
 * @param {readonly Said[]} said The newest is a question.
 * @param {number} [most]
 * @returns {Message[]}
 */
export function messagesOf(said, most = budget) {
  const newest = said.length - 1;
  /** @type {Message[]} */
  const messages = [];
  let left = most;
  for (let at = newest; at >= 0; at -= 1) {
    const each = /** @type {Said} */ (said[at]);
    // An answer that never began would be an empty message, which vendors refuse.
    if (each.role === 'assistant' && each.text === '') continue;
    let message = messageOf(each);
    if (at !== newest && sizeOf(message) > left) message = { role: each.role, content: bare(each) };
    left -= sizeOf(message);
    if (at !== newest && left < 0) break;
    messages.push(message);
  }
  return messages.reverse();
}

/** @param {Said} said @returns {Message} */
function messageOf(said) {
  if (said.role === 'assistant' || said.pictures.length === 0) return { role: said.role, content: said.text };
  /** @type {Part[]} */
  const parts = said.pictures.map((url) => ({ type: 'image_url', image_url: { url } }));
  return { role: 'user', content: said.text === '' ? parts : [{ type: 'text', text: said.text }, ...parts] };
}

/** @param {Said} said */
function bare(said) {
  if (said.role === 'assistant' || said.pictures.length === 0) return said.text;
  return `${said.text}\n[${said.pictures.length === 1 ? 'a picture' : `${said.pictures.length} pictures`}]`.trim();
}

/** @param {Message} message */
const sizeOf = (message) => JSON.stringify(message).length;
