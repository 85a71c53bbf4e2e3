/** The owner's thread of memory_loan_test.ts: says that it ends, ends, and says that it has. */
import { MemoryLoan } from "./memory_loan.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<SharedArrayBuffer>) => void;
  postMessage(text: string): void;
};

scope.onmessage = ({ data }) => {
  scope.postMessage("ends");
  new MemoryLoan(data)[Symbol.dispose]();
  scope.postMessage("has ended");
};
