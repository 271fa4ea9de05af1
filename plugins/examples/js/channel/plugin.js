// Counts deliveries for each type of event.
import kv from "patchpanel:plugin/kv@0.1.0";
import log from "patchpanel:plugin/log@0.1.0";

export const lifecycle = {
  configure(_config) {},
};

export const channel = {
  deliver(batch) {
    return batch.map(({ event }) => deliver(event));
  },

  checkHealth() {},
};

function deliver({ type, level }) {
  const failed = (tag, val) => ({ tag: "err", val: { tag, val } });
  if (level === "debug") return failed("reject", "debug is not counted");
  let count;
  try {
    count = increment(`count/${type}`);
  } catch {
    return failed("retry", "the counts cannot be reached");
  }
  log.write("info", `${type}: ${count}`, []);
  return { tag: "ok", val: { reference: `${type}#${count}`, detail: "counted" } };
}

// Adds one to the number under `key`, and returns it. Other instances count at the same time: what they changed
// meanwhile is read again.
function increment(key) {
  for (;;) {
    const before = kv.get(key);
    const count = before === null ? 1 : Number(String.fromCharCode(...before)) + 1;
    const after = Uint8Array.from(String(count), (digit) => digit.charCodeAt(0));
    if (kv.compareAndSet(key, before, after, null)) return count;
  }
}
