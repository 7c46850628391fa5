#include "scheduling.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#if defined(__GLIBC_PREREQ) && (defined(__x86_64__) || defined(__aarch64__))
#if __GLIBC_PREREQ(2, 35)
#define HAVE_RSEQ 1
#endif
#endif

#ifdef HAVE_RSEQ

#include <sys/rseq.h>

/* A sequence that never runs; the kernel wants the signature before the place where it would go on. */
static const struct {
	uint32_t signature;
	uint32_t abort;
} landing = {.signature = RSEQ_SIG};

static struct rseq_cs sequence; /* constant once initialised */

static volatile uint64_t *marker(void)
{
	return (volatile uint64_t *)((char *)__builtin_thread_pointer() + __rseq_offset +
	                             offsetof(struct rseq, rseq_cs));
}

bool scheduling_init(void)
{
	sequence = (struct rseq_cs){
		.start_ip = (uintptr_t)&landing.signature,
		.post_commit_offset = 1,
		.abort_ip = (uintptr_t)&landing.abort,
	};
	return __rseq_size > 0;
}

void scheduling_watch(void)
{
	if (__rseq_size > 0) {
		*marker() = (uintptr_t)&sequence;
	}
}

bool scheduling_left(void)
{
	return __rseq_size == 0 || *marker() == 0;
}

#else

bool scheduling_init(void)
{
	return false;
}

void scheduling_watch(void)
{
}

bool scheduling_left(void)
{
	return true;
}

#endif

void scheduling_look(struct scheduling_counts *ret)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	*ret = (struct scheduling_counts){
		.preempted = u.ru_nivcsw,
		.minor_faults = u.ru_minflt,
		.major_faults = u.ru_majflt,
	};
}
