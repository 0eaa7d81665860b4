/* A library that is preloaded to let an older user-mode Linux run on processors with AMX. It is built by:
 * cc -shared -fPIC -o xstate.so xstate.c -ldl
 *
 * User-mode Linux moves a process's vector registers with PTRACE_GETREGSET and PTRACE_SETREGSET, type NT_X86_XSTATE. Up
 * to 6.12 it passes a buffer of a fixed size. The host's kernel takes no less than all registers that the processor has
 * (xstateregs_set, arch/x86/kernel/fpu/regset.c), which are 11 KB with AMX, and returns EFAULT. So this library
 * completes the buffer: registers that the caller does not know stay as they are in the process, since nothing inside
 * can have changed them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* A buffer that is larger than the state of any processor. */
static __thread unsigned char whole[64 * 1024] __attribute__((aligned(64)));

long ptrace(enum __ptrace_request request, ...)
{
    static long (*next)(enum __ptrace_request, pid_t, void *, void *);
    va_list words;

    va_start(words, request);
    pid_t process = va_arg(words, pid_t);
    void *address = va_arg(words, void *);
    void *data = va_arg(words, void *);
    va_end(words);

    if (!next)
        next = (long (*)(enum __ptrace_request, pid_t, void *, void *))dlsym(RTLD_NEXT, "ptrace");
    if (address != (void *)NT_X86_XSTATE || (request != PTRACE_GETREGSET && request != PTRACE_SETREGSET))
        return next(request, process, address, data);

    struct iovec *known = data;
    struct iovec all = { whole, sizeof whole };
    long status = next(PTRACE_GETREGSET, process, address, &all);
    if (status < 0)
        return status;
    if (known->iov_len > all.iov_len)
        known->iov_len = all.iov_len;
    if (request == PTRACE_GETREGSET) {
        memcpy(known->iov_base, whole, known->iov_len);
        return status;
    }
    memcpy(whole, known->iov_base, known->iov_len);
    return next(PTRACE_SETREGSET, process, address, &all);
}
