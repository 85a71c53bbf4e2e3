/** The other thread of ring_test.ts: gives back what it gets, waiting as a vCPU's thread does. */
import { Ring } from "./ring.ts";

const scope = globalThis as unknown as {
  onmessage: (
    event: MessageEvent<{ source: SharedArrayBuffer; target: SharedArrayBuffer; records: number }>,
  ) => void;
};

scope.onmessage = ({ data }) => {
  const source = Ring.attach(data.source);
  const target = Ring.attach(data.target);
  const head = new Int32Array(data.source, 0, 1);
  for (let index = 0; index < data.records; index++) {
    for (;;) {
      const seen = Atomics.load(head, 0);
      const record = source.tryRead();
      if (record !== undefined) {
        target.writeBlocking(record.kind, record.body);
        break;
      }
      Atomics.wait(head, 0, seen);
    }
  }
};
