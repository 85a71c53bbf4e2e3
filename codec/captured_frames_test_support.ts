/**
 * TCP frames that Linux 6.18 sent over a TAP device, one after the other, with the checksums it made: what the reference's
 * network frames and their vectors are checked by.
 */

const ETHERNET = "020000000002" + "020000000001" + "0800";
const PORTS = "898a" + "0050";
const ADDRESSES = "c0000201" + "c0000202";

/** The number of these frames' flow, worked out apart from the reference. */
export const CAPTURED_FLOW = 52;

/** The first one, with options of TCP. */
export const SYN_FRAME = Uint8Array.fromHex(
  ETHERNET + "450000345b6c400040065b54" + ADDRESSES + PORTS +
    "a852153f" + "00000000" + "8002faf0a8ad0000" + "020405b4010104020103030a",
);
/** The answer to the peer's SYN. */
export const ACK_FRAME = Uint8Array.fromHex(
  ETHERNET + "450000285b6d400040065b5f" + ADDRESSES + PORTS +
    "a8521540" + "000003e9" + "5010faf0e5890000",
);
/** 17 bytes: a request's line, and half an empty one. */
export const LINE_FRAME = Uint8Array.fromHex(
  ETHERNET + "450000395b6e400040065b4d" + ADDRESSES + PORTS +
    "a8521540" + "000003e9" + "5018faf006db0000" + "474554202f20485454502f312e300d0a0d",
);
/** Three bytes. */
export const SHORT_FRAME = Uint8Array.fromHex(
  ETHERNET + "4500002b5b6f400040065b5a" + ADDRESSES + PORTS +
    "a8521551" + "000003e9" + "5018faf0790c0000" + "0a6162",
);
/** The last one. */
export const FIN_FRAME = Uint8Array.fromHex(
  ETHERNET + "450000285b70400040065b5c" + ADDRESSES + PORTS +
    "a8521554" + "000003e9" + "5011faf0e5740000",
);
