/*
 * The least that runs a guest on KVM: what bench/exits.ts measures our loop against.
 *
 * Usage: exits FILE. The file holds struct kvm_sregs, struct kvm_regs, and then all of the guest's memory.
 * Runs the guest until it writes to port 0xf4, and prints: exits, nanoseconds.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { END_PORT = 0xf4, TSS_ADDRESS = 0xfffbd000, CPUID_ENTRIES = 256 };

static long check(long result, const char *call) {
  if (result >= 0) return result;
  perror(call);
  exit(1);
}

static void *map(int fd, size_t size) {
  int flags = MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0);
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at == MAP_FAILED) check(-1, "mmap");
  return at;
}

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void set_cpuid(int kvm, int vcpu) {
  size_t size = sizeof(struct kvm_cpuid2) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2);
  struct kvm_cpuid2 *cpuid = calloc(1, size);
  cpuid->nent = CPUID_ENTRIES;
  check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
  check(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
  free(cpuid);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int file = check(open(argv[1], O_RDONLY), "open");
  struct stat status;
  check(fstat(file, &status), "fstat");
  struct kvm_sregs sregs;
  struct kvm_regs regs;
  check(read(file, &sregs, sizeof sregs), "read");
  check(read(file, &regs, sizeof regs), "read");
  size_t memory_bytes = status.st_size - sizeof sregs - sizeof regs;
  char *memory = map(-1, memory_bytes);
  check(read(file, memory, memory_bytes), "read");

  int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
  int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  check(ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDRESS), "KVM_SET_TSS_ADDR");
  struct kvm_userspace_memory_region region = {
      .memory_size = memory_bytes,
      .userspace_addr = (__u64)memory,
  };
  check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  struct kvm_run *run = map(vcpu, check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"));
  set_cpuid(kvm, vcpu);
  check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

  long exits = 0;
  for (long long start_ns = now_ns();;) {
    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    exits++;
    if (run->exit_reason != KVM_EXIT_IO) {
      fprintf(stderr, "exit reason %u\n", run->exit_reason);
      return 1;
    }
    if (run->io.port == END_PORT) {
      printf("%ld %lld\n", exits, now_ns() - start_ns);
      return 0;
    }
  }
}
