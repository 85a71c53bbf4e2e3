// Ring 0 after the start: what the processor enters on an interrupt, an exception and int3. No SSE,
// no string I/O, nothing else that a host which interprets ring 0 can't do.
//
// A stub pushes its vector (and a zero where the processor pushed no error code), so dispatch sees:
//   rsp+0 vector, +8 error code, +16 RIP, +24 CS, +32 RFLAGS, +40 RSP, +48 SS

    .section .ring0.interrupts, "ax", @progbits
    .code64
    .balign 16
stubs:
    .set vector, 0
    .rept 48
    .balign 16
    .if ((0x60227d00 >> vector) & 1) == 0
    push 0
    .endif
    .byte 0x6a, vector                  // push vector
    jmp dispatch
    .set vector, vector + 1
    .endr

    .balign 16
dispatch:
    cmp dword ptr [rsp], 0x20
    jae interrupt
    cmp dword ptr [rsp], 3
    je service

// An exception at an instruction that ring 3 only tries (fault.rs): it goes on at attempt_resume.
    cmp qword ptr [attempt_resume], 0
    je 1f
    push rax
    mov rax, qword ptr [attempt_resume]
    mov qword ptr [rsp + 24], rax
    mov qword ptr [attempt_resume], 0
    pop rax
    add rsp, 16
    iretq

// Any other exception: once, ring 3 tells the world (fault.rs). A second one says that ring 3 is beyond that.
1:  inc dword ptr [faults]
    cmp dword ptr [faults], 1
    jne give_up
    mov rdi, qword ptr [rsp]
    mov rsi, qword ptr [rsp + 8]
    mov rdx, qword ptr [rsp + 16]
    mov rcx, cr2
    push 0x2b
    push offset ring3_stack_top - 8
    push 0x3202
    push 0x33
    push offset guest_fault
    iretq
give_up:
    mov al, 0x70
    out 0xf4, al
halt:
    cli
    hlt
    jmp halt

// An interrupt: counted, acknowledged, done. With `nesting` set, others may come in before the return; not
// deeper than 4, for a clock that catches up brings one at every exit.
//
// Others come in while ring 3 runs, and nowhere else: after `iretq` to ring 3 a waiting interrupt comes in
// before the first instruction, on every host. Behind STI in ring 0 hosts differ: one that interprets ring 0
// lets others in where it likes, and an emulated one can lose the shadow of STI that keeps them out for one
// instruction more.
interrupt:
    push rax
    mov eax, dword ptr [rsp + 8]
    inc qword ptr [interrupt_counts + rax * 8]
    inc qword ptr [interrupt_total]
    cmp eax, 0x28
    mov al, 0x20
    jb 1f
    out 0xa0, al
1:  out 0x20, al
    cmp dword ptr [nesting], 0
    je 2f
    cmp dword ptr [nesting_depth], 4
    jb open
// Back to ring 0 (which was at HLT) it goes with interrupts off.
2:  test byte ptr [rsp + 32], 3
    jnz 3f
    and dword ptr [rsp + 40], ~0x200
3:  pop rax
    add rsp, 16
    iretq

// Opens for others: in ring 3, at `opening`, which comes back by int3 (closing). Their frames go below this
// one's: that is where the task state says that ring 0's stack begins.
open:
    inc dword ptr [nesting_depth]
    push qword ptr [tss + 4]
    mov qword ptr [tss + 4], rsp
    push 0x2b
    push offset ring3_stack_top         // nothing is pushed there
    push 0x3202
    push 0x33
    push offset opening
    iretq
closing:
    mov rsp, qword ptr [tss + 4]
    pop qword ptr [tss + 4]
    dec dword ptr [nesting_depth]
    jmp 2b

    .section .text.opening, "ax", @progbits
opening:
    out 0x80, al
    mov eax, 4
    int3

    .section .ring0.interrupts, "ax", @progbits
// int3 from ring 3: EAX says what is wanted (service.rs).
service:
    cmp eax, 1
    je idle
    cmp eax, 2
    je halt
    cmp eax, 4
    je closing
    cmp eax, 5
    je privileged
    cmp eax, 3
    jne 4f
    push rax
    call pic_start
    pop rax
    jmp 4f
// RDI is code for ring 0 (service.rs).
privileged:
    call rdi
    jmp 4f
// RDI is the interrupt total that ring 3 has dealt with. STI's shadow makes "sti; hlt" atomic; no interrupt
// waits there, for it would have come in before int3.
idle:
    cmp rdi, qword ptr [interrupt_total]
    jne 4f
    sti
    hlt
    cli
4:  add rsp, 16
    iretq

// Both PICs from the start: vectors 0x20 and 0x28, edge triggered, everything masked. In ring 0,
// because an interrupt in the middle of it would come in with a vector of no meaning.
    .globl pic_start
pic_start:
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, 0x20
    out 0x21, al
    mov al, 0x28
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    ret

    .section .bss.interrupts, "aw", @nobits
    .balign 8
    .globl interrupt_total
interrupt_total:
    .skip 8
    .globl interrupt_counts
interrupt_counts:
    .skip 48 * 8
    .globl attempt_resume
attempt_resume:
    .skip 8
    .globl nesting
nesting:
    .skip 4
nesting_depth:
    .skip 4
faults:
    .skip 4
