// From the PVH entry (32-bit, paging off, EBX = start info) to Rust in ring 3. Run once, by the
// loader. Rust can't run in ring 0: its SSE instructions are an emulation failure there on hosts that
// interpret ring 0, while ring 3 runs at native speed on every host.
//
// Selectors are those of Linux (0x10, 0x18, 0x2b, 0x33): a host that runs ring 3 under its own
// segments shows these to the guest, so that interrupt frames are the same on every host.

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18                      // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_entry

    .section .ring0, "ax", @progbits
    .code32
    .globl pvh_entry
pvh_entry:
    cld
    mov esp, offset ring0_stack_top
    mov dword ptr [start_info_address], ebx

    // Identity map of 4 GiB in 2 MiB pages, open to ring 3, with the accessed and dirty bits preset,
    // so that the processor never writes them (hosts differ in when they do).
    mov eax, offset page_pointers + 0x27
    mov dword ptr [page_root], eax
    mov eax, offset page_directories + 0x27
    mov edi, offset page_pointers
    mov ecx, 4
1:  mov dword ptr [edi], eax
    add eax, 0x1000
    add edi, 8
    dec ecx
    jnz 1b
    mov eax, 0xe7
    mov edi, offset page_directories
    mov ecx, 2048
2:  mov dword ptr [edi], eax
    add eax, 0x200000
    add edi, 8
    dec ecx
    jnz 2b

    mov eax, 0x620                      // CR4: PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset page_root
    mov cr3, eax
    mov ecx, 0xc0000080                 // EFER: LME
    mov eax, 0x100
    xor edx, edx
    wrmsr
    mov eax, 0x80010033                 // CR0: PG, WP, NE, ET, MP, PE
    mov cr0, eax
    lgdt [gdt_pointer]
    .byte 0xea                          // far jump to 0x10:long_mode
    .long long_mode
    .word 0x10

    .code64
long_mode:
    mov eax, 0x18
    mov ss, eax
    mov eax, 0x2b
    mov ds, eax
    mov es, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov esp, offset ring0_stack_top

    // One gate a stub (interrupts.s), all of DPL 3: only the one of int3 is meant to be called.
    mov ecx, 48
    mov edi, offset idt
    mov ebx, offset stubs
3:  mov eax, ebx
    mov word ptr [rdi], ax
    mov word ptr [rdi + 2], 0x10
    mov word ptr [rdi + 4], 0xee00
    shr eax, 16
    mov word ptr [rdi + 6], ax
    mov qword ptr [rdi + 8], 0
    add edi, 16
    add ebx, 16
    dec ecx
    jnz 3b
    lidt [idt_pointer]

    // The task state: ring 0's stack, and an all-zero I/O permission map with its closing 0xff. IOPL 3
    // alone opens the ports on real hardware; a host that interprets looks into the map. And the map
    // alone is not enough for QEMU's emulated SVM: it takes no TSS that a state transfer has loaded busy.
    mov dword ptr [tss + 4], offset ring0_stack_top
    mov word ptr [tss + 102], 104
    mov byte ptr [tss + 104 + 8192], 0xff
    mov eax, offset tss
    mov word ptr [gdt_tss + 2], ax
    shr eax, 16
    mov byte ptr [gdt_tss + 4], al
    mov byte ptr [gdt_tss + 7], ah
    mov eax, 0x38
    ltr ax

    call pic_start

    push 0x2b
    push offset ring3_stack_top
    push 0x3202                         // RFLAGS: IF, IOPL 3
    push 0x33
    push offset ring3_start
    iretq

    .section .text.ring3_start, "ax", @progbits
ring3_start:
    fninit
    ldmxcsr dword ptr [mxcsr_default]
    xor ebp, ebp
    call guest_start
    ud2

    .section .rodata.boot, "a", @progbits
    .balign 8
mxcsr_default:
    .long 0x1f80
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word 48 * 16 - 1
    .quad idt

    .section .data.boot, "aw", @progbits
    .balign 16
gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff            // 0x10 ring 0 code
    .quad 0x00cf93000000ffff            // 0x18 ring 0 data
    .quad 0
    .quad 0x00cff3000000ffff            // 0x28 ring 3 data
    .quad 0x00affb000000ffff            // 0x30 ring 3 code
gdt_tss:
    .quad 0x0000890000002068, 0         // 0x38 task state, its base is filled in above
gdt_end:

    .section .bss.boot, "aw", @nobits
    .balign 4096
page_root:
    .skip 4096
    .globl page_pointers
page_pointers:
    .skip 4096
page_directories:
    .skip 4 * 4096
idt:
    .skip 48 * 16
    .globl tss
tss:
    .skip 104 + 8192 + 1
    .balign 4096
    .skip 16384
    .globl ring0_stack_top
ring0_stack_top:
    .skip 65536
    .globl ring3_stack_top
ring3_stack_top:
    .globl start_info_address
start_info_address:
    .skip 8
