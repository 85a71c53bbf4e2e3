/**
 * The bound of every queue, frame, retry and loop, each with where its number comes from.
 *
 * One place, so that the bounds can be seen against each other: a queue that feeds another one must
 * fit in it. Every room reads these; none has a bound of its own, and the arbiter's are in arbiter_limits.ts. Units
 * stand last in the names.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

// --- link/ ---

/** What waits to be written to one connection: {@link pageWindowBytes}, {@link logWindowBytes} and a largest
 * frame on top of each (1 MiB, codec/), so that the windows are what binds. As much is only there if the link has
 * carried it before in a part of the timeout (protocol/link_window.ts). */
export const linkQueueBytes = 8 * MiB;

/** The read buffer of a connection, and the most that small frames are gathered into for one write.
 * A loopback segment is 64 KiB; larger frames are read and written in place. */
export const linkBufferBytes = 64 * KiB;

/** What is read at once of a connection within TLS, encrypted. Each read costs a good 10 µs on its way through
 * node:tls, and two link buffers at once make that little beside the decryption. */
export const wireReadBytes = 128 * KiB;

/** How long a connection may take to come about. A SYN that got lost is sent again after 1 s. */
export const connectTimeoutMs = 2000;

/** Connections to a port that speaks TLS which have not shown a certificate yet, all ports by themselves. A pair
 * has two sides and a few consoles, and a handshake takes milliseconds: 32 is room to spare, and at 100 KiB of
 * memory each nothing. */
export const strangerCount = 32;

/** How long a handshake may take. Two round trips around the globe, and one lost packet. */
export const handshakeMs = 2000;

/** What may be received before a handshake is complete: a client's hello with a post-quantum key is 2 KiB, a
 * chain of three certificates of the larger kind 6 KiB. */
export const handshakeBytes = 16 * KiB;

/** What a connection that was turned away amid its handshake leaves in memory before the engine collects it, as
 * measured over a thousand of them. */
export const handshakeLeftoverBytes = 45 * KiB;

/** What one leaves whose handshake had not begun. */
export const connectionLeftoverBytes = 10 * KiB;

/** How much of that may lie there before the engine is told to collect it: what 270 handshakes leave, which is well
 * below what a flood may cost (50 MB), and seldom enough. */
export const leftoverBytes = 12 * MiB;

/** How often at most people are told of connections that were turned away: who floods a port must not fill
 * the disk with messages about it. */
export const refusalNoticeMs = 10_000;

/** A file with keys or certificates: a bundle of ten authorities is 20 KiB. */
export const keyFileBytes = 64 * KiB;

/** Connections to a status port that speaks TLS, after their handshake: a person, a few monitors. */
export const statusClientCount = 16;

/** What a connection to such a port may take, from its handshake to the answer: there is one request on each,
 * and it has no body. */
export const statusRequestMs = 5000;

/** How long an answer of a status port is waited for: a side that is paused or has no processor to run on
 * answers when it can, and a person waits that long. */
export const statusAnswerMs = 30_000;

/** What a connection to a status port within TLS may send: a handshake, and the headers of a request. */
export const statusRequestBytes = 64 * KiB;

// --- sinks/ ---

/** The payload of one message of the console protocol. A terminal's screen is 4 KiB; 64 KiB is one
 * whole tail but for its offset. */
export const consolePayloadBytes = 64 * KiB;

/** What a console keeps of its past for who comes (back) later: 15 screens of 80 x 50. */
export const consoleTailBytes = 64 * KiB;

/** Console input that was accepted but is not yet committed: as much as a pasted page or file may
 * have. The client may be this far ahead of the last INPUT-ACK; it keeps as much itself. */
export const consoleInputBytes = 64 * KiB;

/** What waits to be written to one console client: the tail, one largest message, acks beside. */
export const consoleQueueBytes = 256 * KiB;

/** How often each side of an idle console connection hears of the other. */
export const consolePingMs = 500;

/** A server that was silent for four pings is gone: its client tries the next address. */
export const consoleSilenceMs = 4 * consolePingMs;

/** A client that did not acknowledge for so long is dropped: until then it holds up the guest's
 * outputs, so it is a person's patience, and ten pings. */
export const consoleAckMs = 5000;

/** From a connection to its HELLO. Two round trips around the globe, and one lost packet. */
export const consoleHelloMs = 2000;

/** A client that was told "not live" waits there for so long before it looks elsewhere: a takeover that is
 * under way ends within it, and one that is not costs no more than a blink. */
export const consoleNotLiveMs = 200;

/** Connections to a console that are not its client: they say HELLO, or hear why not. */
export const consoleGuests = 16;

/** The client's waits between two attempts: at first what a takeover takes, then what nobody minds. */
export const consoleBackoffMs = { first: 20, last: 500 } as const;

/** Attempts in a row without a server that is live: about a minute of the longest wait. */
export const consoleAttempts = 120;

/** What a reader of a raw console (`tcp:ADDR`) may be behind before it is dropped: as one tail. */
export const readerQueueBytes = 64 * KiB;

/** Readers of a raw console at a time: a room full of people, and 4 MiB of queues. */
export const readerCount = 64;

/** One read of input from a reader of a raw console; the next one follows when the machine has taken
 * it. All readers together: 256 KiB. */
export const readerChunkBytes = 4 * KiB;

/** One read from standard input: what a pipe holds. */
export const inputChunkBytes = 64 * KiB;

// --- machine/ ---

/** From the vCPU's thread to main: outputs and frames. Two of the largest frames: main can be a whole
 * frame behind before the guest has to wait. A power of two. */
export const noticeRingBytes = 4 * MiB;

/** From main to the vCPU's thread: commands and, on a backup, frames: {@link logWindowBytes},
 * {@link pageWindowBytes} and two largest frames, a power of two, so that the windows are what binds. */
export const commandRingBytes = 8 * MiB;

/** Exits that a vCPU's trail has: all of the longest frame (250 ms of the busiest guest), and as many that the
 * primary is ahead when it hears of a divergence. 3 MiB in each side. */
export const exitTrailLength = 16_384;

/** Console input on its way to the vCPU's thread. More waits at its source. A power of two. */
export const inputRingBytes = 64 * KiB;

/** Network frames on their way to the vCPU's thread: 170 of the largest, as many as come in 2 ms at 1 Gbit/s. Of
 * a guest that takes none, what comes then is dropped, as by any card without a free buffer. A power of two. */
export const frameRingBytes = 256 * KiB;

/** Who wants to know what was written to guest memory: the memory digest, a state transfer, the checkpoint
 * that was sent and the one that is being made, and as many again. Each has a bit for every page: 64 KiB for the
 * largest guest. */
export const dirtyListenerCount = 8;

// --- network/ ---

/** IP addresses of a guest that are announced after a takeover: a host has one of IPv4, and a few of IPv6. */
export const seenAddressCount = 8;

/** When a machine that was taken over is announced, after it went live: at once, and again in case that was lost, as
 * QEMU does. */
export const announceAtMs: readonly number[] = [0, 50, 200, 450, 800];

// --- protocol/ ---

/** Log that the backup has received and not yet replayed. 2 MiB are eight states of the largest frames, or
 * a million small events: it bounds memory, and what bounds how far the replay is behind is the limit of the
 * execution lag. Beyond it the primary's guest waits. */
export const logWindowBytes = 2 * MiB;

/** So much more of the log replayed is worth an ack of its own: a quarter of the window, which is held up by nothing
 * but acks. */
export const untoldReplayBytes = logWindowBytes / 4;

/** Pages of the state that the backup has received and not yet applied, while the guest runs: what a link of
 * 1 Gbit/s carries in 32 ms, which is a round trip across a continent; on a faster or longer one, a transfer takes
 * longer. */
export const pageWindowBytes = 4 * MiB;

/** Log that may be on its way to the backup before it is known what the link carries; doubled with each round trip
 * that it carries. At 100 kbit/s a third of a second: a heartbeat behind it is within the default timeout. */
export const linkBurstBytes = 4 * KiB;

/** Outputs that are held by the primary, or kept by the backup: a second of a console at full speed
 * (30,000 exits a second, a byte each) thirty times over; beyond it the primary's guest waits. */
export const heldOutputBytes = 1 * MiB;

/** Outputs on one side for which the other may still owe a notice: what is held, what is in the ring
 * ({@link noticeRingBytes}; while a divergence is healed that comes on top), and in the network. */
export const keptOutputBytes = 6 * heldOutputBytes;

/** Divergences that are healed, unless somebody chooses otherwise: three in an hour. A bit that falls over in one
 * of the hosts' memories comes once in months; what comes back within the hour is the guest's nature, or a host that
 * is broken. */
export const divergenceMaxDefault = { count: 3, withinMs: 3_600_000 } as const;

/** Reports of divergences in one folder; the oldest go first. A report is some KiB. */
export const divergenceReportCount = 32;

/** The least limit of the execution lag: what is known of it is as old as half of it, and timers count in
 * milliseconds. */
export const lagMaxLeastMs = 20;

/** How long silence may be tolerated: a day. More is no takeover; the channel carries 32 bits. */
export const timeoutMaxMs = 24 * 3600 * 1000;

/** Backups that have connected and not yet said hello. */
export const pendingBackupCount = 8;

/** Backups that have been let go and have not closed their connections: of more than have just connected, some have
 * no wish to. */
export const leavingBackupCount = 2 * pendingBackupCount;

/** From a connection to its hello, and from a hello to its welcome. The other side may just have started: on an
 * emulated host it is busy for some seconds, with itself. */
export const helloTimeoutMs = 10_000;

/** How often a side looks for silence and stalls at least; two looks a heartbeat if that is more often. Claims
 * that are to be tried again wait for it, and console input that is to be acknowledged while nobody follows. */
export const tickMaxMs = 250;

/** What a peer that is let go has to take in what was sent to it last: a full send queue at 1 Gbit/s is
 * there in 40 ms. */
export const goodbyeMs = 1000;

/** A text in a message of the protocol, in bytes: it quotes the peer or the guest, and a line is enough. */
export const messageTextBytes = 1024;

/** Silence that ends a join. Before `protected` nothing depends on the other side, which still loads its
 * code and makes its machine: ten times the default timeout. */
export const joinSilenceMs = 5000;

/** A replay that has log to go on and reaches no execution point for so long is stuck. The recorder
 * reaches one in milliseconds; a host may be a thousand times slower for a while. */
export const replayStallMs = 10_000;

// --- primary/ ---

/** How much nicer a vCPU's thread is than main, on both sides: where there are fewer cores than threads, a
 * frame or an ack must not wait until a busy guest has used up its slice. 5 is a
 * third of main's weight: the guest still gets most of a core that nobody else wants. */
export const vcpuNiceness = 5;

/** How much less nice a vCPU's thread is, where that is allowed, while the machine stands still for a state: it
 * is over in milliseconds, and a slice of somebody else's would double that. */
export const stopHaste = vcpuNiceness + 10;

/** The most of its time that a guest may be made to pause so that the backup keeps up. A backup that is twenty
 * times slower is no backup: then the windows in bytes stop the guest. */
export const throttleShareMax = 0.95;

/** The shortest pause of a guest that is slowed down: ten times what going to sleep and waking costs. */
export const pauseLeastUs = 1000;

/** The longest: the machine's clock goes on with the host's up to steps of {@link clockStepMaxUs}, and half
 * of that leaves room for a host that wakes late. */
export const pauseMaxUs = 25_000;

/** Pages that are copied out while the machine stands still for a backup that joins. A page takes 1 µs, and 3 µs
 * where other processes want the memory, too: 40 MiB are 10 ms, and 30 ms when things are bad. Guests with more in
 * constant use are slowed down until less is. */
export const stagingPagesMax = 10 * 1024;

/** Of these, what memory is made ready for at least before the machine stops: twice what was left last may be less
 * than what the guest then writes. 4 MiB are ready in a millisecond or two. */
export const stagingPagesLeast = 1024;

/** What is left of a state transfer is so little that another round is not worth it: to copy it out takes less
 * than to stop the guest and to let it go on. */
export const remainderSmallPages = 128;

/** How long it may take to send what is left: meanwhile the guest makes log that waits for it. It makes less than
 * {@link logWindowBytes} in ten times that. */
export const remainderMaxMs = 1000;

/** Rounds of a state transfer at most. After two it is known whether they shrink; five more halve the guest's time
 * down to what {@link throttleShareMax} leaves of it; as many again for guests whose habits change. */
export const transferRoundsMax = 15;

/** How often a guest that is to pause for a state transfer is stopped to do so, if it does not exit by itself: at a
 * pause of {@link pauseMaxUs} each time, it gets as little of its time as {@link throttleShareMax} says. */
export const nudgeMs = 2;

/** For how long main makes frames with pages before it lets others have their turn: what an output may be later for
 * it. */
export const transferSliceMs = 2;

/** How often a backup that joins is told how far the transfer has come: as often as people look. */
export const transferReportMs = 100;

/** Exits between two time events at most: the clock that a takeover goes on from is never staler. */
export const exitsPerTimeEvent = 256;

/** A frame is closed once its payload has this size, though no output waits: one write. */
export const framePayloadTargetBytes = 32 * KiB;

/** A state in the middle of a session is sent in frames of at most this payload: one section of pages each, as
 * large as the codec lets one be. */
export const stateFrameBytes = 256 * KiB;

/** Forced points between two digests: 64 slices of 20 ms are a digest in 1.3 s, of what was written since. */
export const forcedPointsPerDigest = 64;

/** How short a slice may be: timers count in milliseconds. */
export const sliceLeastMs = 1;

/** How long a guest that computes may wait for the log of a slice before its slices become shorter. Input is to be
 * answered within the slice that was asked for and 50 ms; it waits for two states, and for what is on its way of others
 * (docs/CAMPAIGNS.md has the figures). */
export const sliceLogWaitMs = 4;

/** The same, as a share of the slice that was asked for: who asks for a long one wants speed. The longer one holds. */
export const sliceLogWaitShare = 0.2;

/** How long: a guest that is stopped once a second hardly lives in the same time as the rest of the world. */
export const sliceMaxMs = 1000;

/** How long an epoch may be: a person at a console sees what was typed that much later. */
export const epochLengthMaxMs = 1000;

/** Checkpoints between two digests: they cost as much as the checkpoints do. */
export const checkpointsPerDigest = 64;

/** A frame is closed once it is a heartbeat old, though no output waits, and at this age at the latest: bounds the
 * backup's lag. A log for a file alone has frames of this age. */
export const frameAgeMaxMs = 250;

/** An output that ends in no newline waits for more bytes while the guest runs for this long; then its frame is
 * closed. */
export const flushDelayMaxUs = 2_000;

/** Output bytes that share a frame at most: 16 lines. */
export const outputBatchBytes = 1 * KiB;

/** Exits between two digests: at 25 µs an exit and 3 ms a digest, less than one percent. */
export const exitsPerDigest = 16_384;

/** A primary that has claimed for so long and knows of no outcome lets its console's client look elsewhere: the
 * other side may be live. An arbiter in reach answers in milliseconds. */
export const suspendAfterMs = 1000;

/** The machine's clock is never moved by more at once: a host that was stopped catches up instead. */
export const clockStepMaxUs = 50_000;

/** How fast it catches up with the host's: this share on top (or below, if it is ahead). */
export const clockSlewShare = 1 / 8;

/** Log frames in a chain, of which each is of no use without those before it. A frame that is lost or damaged costs the
 * rest of its chain, and who begins in the middle of a log has to look so far back, or ahead; that is a
 * minute at {@link frameAgeMaxMs}. The first frame of a chain costs tens of bytes more than the others: among 256 that
 * is nothing. A `dense` log is for keeping, and has more to learn and to forget. */
export const chainFrames = { fast: 256, dense: 4096 } as const;

// --- log/ ---

/** What is read of a log file at once, and gathered for a write: a largest frame (1 MiB, codec/), and nearly as
 * much of what comes next, so that small frames share a read. */
export const logBufferBytes = 2 * MiB;

/** Lines of a report that are gathered for one write: a pipe's worth. */
export const printBufferBytes = 64 * KiB;

/** What is done sooner than that needs no bar; a bar that moves ten times a second looks smooth. */
export const progressMs = { after: 500, every: 100 } as const;

/** The largest events that `log stat` names: so many fit on a screen beside the rest. */
export const largestEventCount = 5;

// --- serve/ ---

/** How long a primary that a service manager stops waits for a backup, if it has none: whoever was restarted on
 * the other host a moment ago joins within a second, and longer with a large machine. Well within the 30 s that
 * the unit in docs/systemd allows it in all. */
export const retireGraceMs = 5000;
