/**
 * The bounds of the arbiter's room, each with where its number comes from; all others are in limits.ts. They stand
 * apart because no queue of the others feeds one of these.
 */

const KiB = 1024;

/** A register file. Its fields are short (a name, an address, a nonce): 4 KiB is ten times their
 * sum, and one block of the file system. */
export const registerFileBytes = 4 * KiB;

/** `who`, `address` and `nonce` of a register, in UTF-16 units: a host name has at most 253, an address
 * adds a port; three of them, escaped, still fit in {@link registerFileBytes}. */
export const registerFieldLength = 300;

/** A machine's id: with generation and `.json` it must stay below the 255 bytes of a file name. */
export const machineIdLength = 64;

/** How long an etcd may take to answer one request: a SYN that got lost is sent again after 1 s, and half a
 * second is a round trip around the globe with a flush to the disk at its far end. A claim that gets no answer
 * is followed by one reading: whether it was won is known, or that it is not, after twice this. Of several
 * endpoints each has an equal share of it before the next one is asked as well. */
export const etcdAnswerMs = 1500;

/** Endpoints of one etcd: the members of the largest cluster that its documentation advises, and even the last
 * one has a fifth of {@link etcdAnswerMs}. */
export const etcdEndpointCount = 5;

/** A file with certificates, a key or a password: fifty certificates, more than any chain or bundle of one's
 * own has. */
export const etcdFileBytes = 128 * KiB;

/** A user's name and password for etcd: longer ones are a file that was named by mistake. */
export const etcdPasswordLength = 1024;

/** An answer of etcd: two registers in base64 (6 KiB each), their keys, and room for what later versions say
 * besides. The headers of HTTP have a bound of their own, 16 KiB, in the client. */
export const etcdAnswerBytes = 64 * KiB;

/** What an error of etcd, or of whatever else answers there, may say in a message: a line. */
export const etcdErrorLength = 160;

/** What the keys of one etcd may begin with: three names of directories of the usual length. */
export const etcdPrefixLength = 200;
