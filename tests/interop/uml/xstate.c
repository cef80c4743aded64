/* Lets user-mode Linux 6.1 run on processors with AMX: compiled and preloaded by reflab.sh.
 *
 * User-mode Linux sets the registers of its processes by ptrace, from a buffer for all that there was up to AVX-512.
 * The kernel below takes nothing but all registers of the processor, which with AMX are 8 KiB more, and answers EFAULT
 * ("ptrace set fp regs failed, errno = 14", and the first process dies). So here a set that is too short is filled up
 * with what the registers hold. Newer kernels in user mode ask for the size; Debian has none yet. */

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char whole[1 << 16];

long ptrace(enum __ptrace_request request, ...)
{
	va_list rest;
	va_start(rest, request);
	pid_t pid = va_arg(rest, pid_t);
	void *address = va_arg(rest, void *);
	void *data = va_arg(rest, void *);
	va_end(rest);

	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		/* The system call puts the word where the fourth argument says; the library's function returns it. */
		long word = 0;
		if (syscall(SYS_ptrace, request, pid, address, &word) < 0)
			return -1;
		errno = 0;
		return word;
	}
	if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
		struct iovec *given = data, all = { whole, sizeof whole };
		if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, address, &all) == 0 && all.iov_len > given->iov_len) {
			memcpy(whole, given->iov_base, given->iov_len);
			return syscall(SYS_ptrace, request, pid, address, &all);
		}
	}
	return syscall(SYS_ptrace, request, pid, address, data);
}
