/**
 * The C library, as far as this project calls it: the symbol table, with the C declaration beside each
 * symbol and who owns what it points to, and the one place where errno is read.
 *
 * All calls are synchronous, so a call, its errno, and the thread that they belong to stay together:
 * nothing of ours can run in between. A Deno worker is one thread for all of its life, and has
 * its own instance of this module, so that errno's address is looked up once.
 *
 * Called by the other files of this room only; the rooms above use their classes.
 */
import type { Bytes } from "../base/layout.ts";
import { OsError } from "../base/errors.ts";
import { type KvmIoctl, kvmIoctls } from "./kvm_numbers.ts";

/**
 * The symbols. A "buffer" is borrowed for the duration of the call, unless a comment says otherwise.
 * 64-bit parameters are bigints throughout: a number would leave Deno's fast path, which costs twice
 * as much as a bigint that is a constant.
 */
export const libc = Deno.dlopen("libc.so.6", {
  // int open(const char *path, int flags, ... /* mode_t mode */); the caller owns the descriptor.
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset);
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  // int ioctl(int fd, unsigned long request, ... /* void *argp */); the pointers *inside* of a struct
  // are borrowed for the call too, except the memory of KVM_SET_USER_MEMORY_REGION, which the VM uses
  // until the region is deleted or the VM's last descriptor is closed.
  ioctlPointer: { name: "ioctl", parameters: ["i32", "u64", "buffer"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ... /* unsigned long arg */);
  ioctlInteger: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset); the caller owns
  // the mapping until munmap; it outlives the descriptor.
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // int munmap(void *addr, size_t length); every ArrayBuffer over it dangles from then on.
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  // int eventfd(unsigned int initval, int flags); the caller owns the descriptor.
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int socket(int domain, int type, int protocol); the caller owns the descriptor.
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int unshare(int flags); of the calling thread.
  unshare: { parameters: ["i32"], result: "i32" },
  // int setns(int fd, int nstype); of the calling thread.
  setns: { parameters: ["i32", "i32"], result: "i32" },
  // int clock_gettime(clockid_t clock, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // pid_t getpid(void);
  getpid: { parameters: [], result: "i32" },
  // pid_t gettid(void);
  gettid: { parameters: [], result: "i32" },
  // int nice(int inc); on Linux the calling thread's alone.
  nice: { parameters: ["i32"], result: "i32" },
  // int tgkill(pid_t tgid, pid_t tid, int sig);
  tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset); returns the error, no errno.
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
  sigtimedwait: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  // int *__errno_location(void); the calling thread's, valid as long as the thread lives.
  __errno_location: { parameters: [], result: "pointer" },
}).symbols;

/** The values of <errno.h> that this project tells apart. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ESPIPE: 29,
  EBADFD: 77,
} as const;

/** `clock_gettime`'s clock that is never set, <time.h>. */
export const CLOCK_MONOTONIC = 1;

/** Flags of `open`, <fcntl.h>. */
export const openFlags = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
} as const;

/** `pthread_sigmask`'s way to add to the mask, <signal.h>. */
export const SIG_BLOCK = 0;
/** `sizeof (sigset_t)` in bytes; the kernel uses the first 8. */
export const sigsetBytes = 128;

const errnoAddress = libc.__errno_location();
if (errnoAddress === null) throw new OsError("__errno_location()", 0);
const errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoAddress, 4));

/** This thread's errno: only right after a call that failed. */
export function errno(): number {
  return errnoCell[0]!;
}

/**
 * Returns what a call returned, or throws its errno if that is negative.
 * @throws OsError
 */
export function check(result: number, call: string, advice = ""): number {
  if (result < 0) throw new OsError(call, errno(), advice);
  return result;
}

/**
 * One of KVM's ioctls, with an integer or a pointer to a struct; returns what it returned.
 * @throws OsError
 */
export function kvmIoctl(fd: number, name: KvmIoctl, arg: number | Bytes, advice = ""): number {
  const result = typeof arg === "number"
    ? libc.ioctlInteger(fd, kvmIoctls[name], BigInt(arg))
    : libc.ioctlPointer(fd, kvmIoctls[name], arg);
  return check(result, name, advice);
}

/** A string for C. */
export function cString(text: string): Bytes {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * The address of `bytes`, for a pointer inside of a struct. They must be kept referenced for as long as
 * C uses it. It is taken from the ArrayBuffer: V8 may keep a small typed array on its moving heap, until
 * somebody asks for its buffer.
 */
export function addressOf(bytes: Bytes): bigint {
  const { buffer, byteOffset } = bytes;
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)) + BigInt(byteOffset);
}

/** Flags of `mmap`, <sys/mman.h>. */
export const mapFlags = { MAP_SHARED: 0x01, MAP_ANONYMOUS: 0x20, MAP_NORESERVE: 0x4000 } as const;

const PROT_READ_WRITE = 1 | 2;
const mapFailed = 0xffff_ffff_ffff_ffffn;

/**
 * Maps `size` bytes for reading and writing; the caller owns the mapping.
 * @throws OsError
 */
export function map(size: number, flags: number, fd: number, what: string): Deno.PointerObject {
  const pointer = libc.mmap(0n, BigInt(size), PROT_READ_WRITE, flags, fd, 0n);
  if (pointer === null || Deno.UnsafePointer.value(pointer) === mapFailed) {
    throw new OsError(`mmap of ${size} bytes (${what})`, errno(), "is there enough memory?");
  }
  return pointer;
}
