// Replaces ticket numbers such as TCK-1234 by [ticket].

// QuickJS has no TextEncoder.
const utf8 = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (char) => char.charCodeAt(0));

const REPLACEMENT = "[ticket]";
let prefix;

export const lifecycle = {
  configure(text) {
    const config = { prefix: "TCK-", ...JSON.parse(text) };
    if (typeof config.prefix !== "string") throw [{ path: "prefix", message: "must be a string" }];
    if (config.prefix === "") throw [{ path: "prefix", message: "must not be empty" }];
    prefix = utf8(config.prefix);
  },
};

export const redactor = {
  // The texts of a batch lie in `bytes` one behind the other; positions are bytes, counted in each text.
  redact({ texts, bytes }) {
    const edits = [];
    let text = 0;
    let start = 0;
    for (let at = bytes.indexOf(prefix[0]); at >= 0; at = bytes.indexOf(prefix[0], at + 1)) {
      while (at >= texts[text].end) start = texts[text++].end;
      const end = ticketEnd(bytes, at, texts[text].end);
      if (end === undefined) continue;
      const bytesEnd = (edits.length + 1) * REPLACEMENT.length;
      edits.push({ text, start: at - start, end: end - start, label: 0, bytesEnd });
      at = end - 1;
    }
    return { labels: ["ticket"], edits, bytes: utf8(REPLACEMENT.repeat(edits.length)) };
  },
};

// Where the ticket number that begins at `at` ends, if one does.
function ticketEnd(bytes, at, limit) {
  if (at + prefix.length > limit || prefix.some((byte, i) => bytes[at + i] !== byte)) return undefined;
  let end = at + prefix.length;
  while (end < limit && bytes[end] >= 0x30 && bytes[end] <= 0x39) end++;
  return end > at + prefix.length ? end : undefined;
}
