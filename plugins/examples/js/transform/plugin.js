// Events whose message has a certain word become errors; events without a message are dropped.

let word;

export const lifecycle = {
  configure(text) {
    const config = { word: "urgent", ...JSON.parse(text) };
    if (typeof config.word !== "string") throw [{ path: "word", message: "must be a string" }];
    if (config.word === "") throw [{ path: "word", message: "must not be empty" }];
    word = config.word;
  },
};

export const transformer = {
  transform(batch) {
    return batch.map((event) => ({ tag: "ok", val: outcome(event) }));
  },
};

const NO_CHANGE = {
  type: null,
  level: null,
  message: null,
  subject: null,
  correlationId: null,
  channels: null,
  metadata: null,
  payload: null,
};

function outcome({ message }) {
  if (message === "") return { tag: "dropped", val: "there is no message" };
  if (!message.includes(word)) return { tag: "unchanged" };
  return { tag: "patched", val: { ...NO_CHANGE, level: "error" } };
}
