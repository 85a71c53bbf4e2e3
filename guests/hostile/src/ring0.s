// Ring 0 of the hostile guest, in place of the runtime's: what the processor enters whatever the attacks make of
// interrupt controllers and tables. No vector is to be relied on, for an attacked PIC gives any; so where a frame
// came from is told by the stack: ring 3's frames begin at ring0_stack_top, and only an exception pushes an error
// code. Interrupts are off here but at HLT.

    .section .ring0.hostile, "ax", @progbits
    .code64
    .balign 16
    .globl hostile_stubs
hostile_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .byte 0x68                          // push vector, as 32 bits
    .long vector
    jmp entry
    .set vector, vector + 1
    .endr

    .balign 16
entry:
    mov qword ptr [saved_rax], rax
    inc qword ptr [hostile_entries]
    cmp dword ptr [idling], 0
    jne woken
    cmp dword ptr [serving], 0
    jne failed
    pop rax
    mov qword ptr [hostile_vector], rax
    cmp rsp, offset ring0_stack_top - 40
    mov rsp, offset ring0_stack_top - 40
    jne exception
    cmp eax, 3
    jne 1f
    cmp qword ptr [hostile_request], 0
    jne serve
1:  cmp eax, 32
    jae acknowledge
    cmp qword ptr [attempt_resume], 0
    je acknowledge

// What ring 3 tried: it goes on behind it, on the stack that it had if it changed that.
exception:
    mov rax, qword ptr [attempt_resume]
    test rax, rax
    jz stray
    mov qword ptr [rsp], rax
    mov qword ptr [attempt_resume], 0
    mov qword ptr [rsp + 8], 0x33
    mov qword ptr [rsp + 16], 0x3202
    mov qword ptr [rsp + 32], 0x2b
    mov rax, qword ptr [hostile_stack]
    test rax, rax
    jz 2f
    mov qword ptr [rsp + 24], rax
    mov qword ptr [hostile_stack], 0
2:  mov rax, qword ptr [saved_rax]
    iretq

// What it did not try: said once (main.rs).
stray:
    inc dword ptr [strays]
    cmp dword ptr [strays], 1
    jne surrender
    mov rdi, qword ptr [hostile_vector]
    mov rsi, qword ptr [rsp]
    mov qword ptr [rsp], offset hostile_stray
    mov qword ptr [rsp + 8], 0x33
    mov qword ptr [rsp + 16], 0x3202
    mov qword ptr [rsp + 24], offset ring3_stack_top - 8
    mov qword ptr [rsp + 32], 0x2b
    iretq
surrender:
    mov al, 0x71
    out 0xf4, al
    cli
    hlt
    jmp surrender

woken:
    mov dword ptr [idling], 0
    mov dword ptr [serving], 0
    mov rsp, offset ring0_stack_top - 40
acknowledge:
    inc qword ptr [hostile_interrupts]
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    mov rax, qword ptr [hostile_entries]
    cmp rax, qword ptr [hostile_limit]
    jb 2b
// A storm: if ring 3 is to come to anything again, all lines have to be quiet. Where even that does not help, the
// guest ends.
    sub rax, qword ptr [hostile_limit]
    cmp rax, 5000
    jae surrender
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    jmp 2b

serve:
    mov qword ptr [hostile_request], 0
    mov dword ptr [serving], 1
    call qword ptr [hostile_code]
    mov dword ptr [serving], 0
    iretq
failed:
    pop rax
    mov qword ptr [hostile_vector], rax
    mov dword ptr [serving], 0
    mov dword ptr [hostile_failed], 1
    mov rsp, offset ring0_stack_top - 40
    iretq

// What ring 3 has done here. In: hostile_index, hostile_value; out: hostile_value.
    .globl hostile_load_tables
hostile_load_tables:
    lidt [idt_pointer_of_256]
    ret
    .globl hostile_idle
hostile_idle:
    mov dword ptr [idling], 1
    sti
    hlt
    cli
    ret
    .globl hostile_halt
hostile_halt:
    cli
    hlt
    jmp hostile_halt
    .globl hostile_triple_fault
hostile_triple_fault:
    lidt [no_idt_pointer]
    ud2
    .globl hostile_flush
hostile_flush:
    mov rax, cr3
    mov cr3, rax
    ret
    .globl hostile_read_msr
hostile_read_msr:
    mov ecx, dword ptr [hostile_index]
    rdmsr
    mov dword ptr [hostile_value], eax
    mov dword ptr [hostile_value + 4], edx
    ret
    .globl hostile_write_msr
hostile_write_msr:
    mov ecx, dword ptr [hostile_index]
    mov eax, dword ptr [hostile_value]
    mov edx, dword ptr [hostile_value + 4]
    wrmsr
    ret
    .globl hostile_push
hostile_push:
    mov rsp, qword ptr [hostile_value]
    push rax
    pop rax
    ud2
    .globl hostile_return
hostile_return:
    push qword ptr [hostile_index]
    push qword ptr [hostile_value]
    push 0x3202
    push qword ptr [hostile_index]
    push qword ptr [hostile_value]
    iretq
    .globl hostile_load_gdt
hostile_load_gdt:
    lgdt [hostile_value]
    mov eax, 0x2b
    mov fs, eax
    ret
    .globl hostile_load_tr
hostile_load_tr:
    mov eax, dword ptr [hostile_value]
    ltr ax
    ret
    .globl hostile_load_ldt
hostile_load_ldt:
    mov eax, dword ptr [hostile_value]
    lldt ax
    ret
    .globl hostile_invalidate
hostile_invalidate:
    mov rax, qword ptr [hostile_value]
    invlpg [rax]
    ret
    .globl hostile_flush_caches
hostile_flush_caches:
    wbinvd
    ret
    .globl hostile_machine_status
hostile_machine_status:
    mov eax, dword ptr [hostile_value]
    lmsw ax
    clts
    ret

    .macro writes register
    .globl hostile_write_\register
hostile_write_\register:
    mov rax, qword ptr [hostile_value]
    mov \register, rax
    ret
    .globl hostile_read_\register
hostile_read_\register:
    mov rax, \register
    mov qword ptr [hostile_value], rax
    ret
    .endm
    .irp register, cr0, cr2, cr3, cr4, cr8, dr0, dr1, dr2, dr3, dr6, dr7
    writes \register
    .endr

    .section .data.hostile, "aw", @progbits
    .balign 8
idt_pointer_of_256:
    .word 256 * 16 - 1
    .quad hostile_idt
no_idt_pointer:
    .word 0
    .quad 0

    .section .bss.hostile, "aw", @nobits
    .balign 16
    .globl hostile_idt
hostile_idt:
    .skip 256 * 16
    .irp name, entries, interrupts, limit, vector, request, code, index, value, stack, failed
    .globl hostile_\name
hostile_\name:
    .skip 8
    .endr
saved_rax:
    .skip 8
idling:
    .skip 8
serving:
    .skip 8
strays:
    .skip 8
