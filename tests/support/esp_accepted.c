/* Answers what an IKE daemon asks of the kernel's IPsec, in the kernel's place: everything is well.
 *
 * Preloaded, so that charon and pluto negotiate transport mode where the kernel has no ESP. Nothing is encrypted and no
 * packet is held: only IKE is real. A socket of NETLINK_XFRM becomes one end of a pair of local sockets, and a thread
 * answers at the other end: an SPI where one is asked for, counters of 0 for an SA, and otherwise success. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST_DESCRIPTOR 4096
#define IS_OURS(fd) ((fd) >= 0 && (fd) < LARGEST_DESCRIPTOR && ours[fd])
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char ours[LARGEST_DESCRIPTOR];

static uint32_t drawn(uint32_t low, uint32_t high)
{
	uint32_t number = 0;
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		abort();
	return low + (uint32_t)(number % ((uint64_t)high - low + 1));
}

/* Writes the answer to a request; returns its octets, 0 for none. */
static size_t answer(const struct nlmsghdr *request, char *to)
{
	struct nlmsghdr *header = (struct nlmsghdr *)to;
	struct xfrm_usersa_info *sa = NLMSG_DATA(header);
	int is_question = request->nlmsg_type == XFRM_MSG_ALLOCSPI || request->nlmsg_type == XFRM_MSG_GETSA;

	memset(to, 0, NLMSG_SPACE(sizeof *sa));
	header->nlmsg_seq = request->nlmsg_seq;
	header->nlmsg_pid = request->nlmsg_pid;
	if (request->nlmsg_type == XFRM_MSG_ALLOCSPI) {
		const struct xfrm_userspi_info *wanted = NLMSG_DATA(request);
		*sa = wanted->info;
		sa->id.spi = htonl(drawn(wanted->min, wanted->max));
	} else if (request->nlmsg_type == XFRM_MSG_GETSA && !(request->nlmsg_flags & NLM_F_DUMP)) {
		const struct xfrm_usersa_id *wanted = NLMSG_DATA(request);
		sa->id.daddr = wanted->daddr;
		sa->id.spi = wanted->spi;
		sa->id.proto = wanted->proto;
		sa->family = wanted->family;
	} else if (request->nlmsg_flags & NLM_F_DUMP) {
		header->nlmsg_type = NLMSG_DONE;
		header->nlmsg_flags = NLM_F_MULTI;
		return header->nlmsg_len = NLMSG_LENGTH(sizeof(int));
	}
	if (is_question) {
		header->nlmsg_type = XFRM_MSG_NEWSA;
		return header->nlmsg_len = NLMSG_LENGTH(sizeof *sa);
	}
	struct nlmsgerr *result = NLMSG_DATA(header);
	header->nlmsg_type = NLMSG_ERROR;
	result->error = request->nlmsg_type == XFRM_MSG_GETPOLICY ? -ENOENT : 0;
	result->msg = *request;
	return header->nlmsg_len = NLMSG_LENGTH(sizeof *result);
}

static void *kernel(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char request[65536], reply[1024];
	ssize_t length;

	while ((length = NEXT(recv)(fd, request, sizeof request, 0)) > 0) {
		const struct nlmsghdr *message = (struct nlmsghdr *)request;
		size_t left = (size_t)length;
		for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
			size_t size = answer(message, reply);
			if (size && NEXT(send)(fd, reply, size, MSG_NOSIGNAL) < 0)
				break;
		}
	}
	NEXT(close)(fd);
	return NULL;
}

int socket(int domain, int type, int protocol)
{
	int pair[2];
	pthread_t thread;

	if (domain != AF_NETLINK || protocol != NETLINK_XFRM)
		return NEXT(socket)(domain, type, protocol);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (pair[0] >= LARGEST_DESCRIPTOR || pthread_create(&thread, NULL, kernel, (void *)(intptr_t)pair[1])) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	if (type & SOCK_NONBLOCK)
		fcntl(pair[0], F_SETFL, O_NONBLOCK);
	pthread_detach(thread);
	ours[pair[0]] = 1;
	return pair[0];
}

int close(int fd)
{
	if (fd >= 0 && fd < LARGEST_DESCRIPTOR)
		ours[fd] = 0;
	return NEXT(close)(fd);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	return IS_OURS(fd) ? 0 : NEXT(bind)(fd, address, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	int of_ipsec = (level == IPPROTO_IP && option == IP_XFRM_POLICY) ||
		       (level == IPPROTO_IPV6 && option == IPV6_XFRM_POLICY) ||
		       (level == IPPROTO_UDP && option == UDP_ENCAP);
	if (of_ipsec || (IS_OURS(fd) && level == SOL_NETLINK))
		return 0;
	return NEXT(setsockopt)(fd, level, option, value, length);
}

ssize_t sendto(int fd, const void *octets, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	if (IS_OURS(fd))
		return NEXT(send)(fd, octets, length, flags);
	return NEXT(sendto)(fd, octets, length, flags, to, to_length);
}

/* Whoever asks for the sender learns that it was the kernel. */
static void from_kernel(void *from, socklen_t *length)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	if (from && length) {
		memcpy(from, &kernel, *length < sizeof kernel ? *length : sizeof kernel);
		*length = sizeof kernel;
	}
}

ssize_t recvfrom(int fd, void *octets, size_t length, int flags, struct sockaddr *from, socklen_t *from_length)
{
	if (!IS_OURS(fd))
		return NEXT(recvfrom)(fd, octets, length, flags, from, from_length);
	from_kernel(from, from_length);
	return NEXT(recv)(fd, octets, length, flags);
}
