#include "apart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether this kernel parts tables; where it does not, all is to work on one. */
static bool can_part(void)
{
	return close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) == 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

struct look {
	int fd;
	bool open;
};

static void look(void *context)
{
	struct look *l = context;

	l->open = is_open(l->fd);
}

static bool is_open_apart(struct apart *a, int fd)
{
	struct look l = {.fd = fd};

	apart_call(a, look, &l);
	return l.open;
}

static void what_the_broker_closes_is_closed(void **state)
{
	struct apart *a;
	char byte;
	int ends[2], keep;

	(void)state;
	if (!can_part()) {
		skip();
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	keep = eventfd(0, EFD_CLOEXEC);
	assert_true(keep > 2);
	assert_int_equal(apart_new(&a, keep), 0);
	assert_false(is_open_apart(a, ends[0]));
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(read(ends[1], &byte, 1), 0);
	close(ends[1]);
	close(keep);
	apart_free(a);
}

static void the_descriptor_to_keep_is_there_on_both_sides(void **state)
{
	struct apart *a;
	int low = eventfd(0, EFD_CLOEXEC), keep = eventfd(0, EFD_CLOEXEC), high = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(apart_new(&a, keep), 0);
	assert_true(is_open_apart(a, STDERR_FILENO));
	assert_true(is_open_apart(a, keep));
	if (can_part()) {
		assert_false(is_open_apart(a, low));
		assert_false(is_open_apart(a, high));
	}
	assert_true(is_open(low) && is_open(keep) && is_open(high));
	close(low);
	close(keep);
	close(high);
	apart_free(a);
}

struct opened {
	int fd;
	struct stat st;
};

static void open_something(void *context)
{
	struct opened *o = context;

	o->fd = memfd_create("apart", MFD_CLOEXEC);
	if (fstat(o->fd, &o->st) != 0) {
		o->fd = -1;
	}
}

static void a_file_opened_apart_stays_open_apart(void **state)
{
	struct opened o = {.fd = -1};
	struct apart *a;
	struct stat here;
	int keep = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(apart_new(&a, keep), 0);
	apart_call(a, open_something, &o);
	assert_true(o.fd > 2);
	assert_true(is_open_apart(a, o.fd));
	if (can_part()) {
		assert_true(fstat(o.fd, &here) != 0 || here.st_ino != o.st.st_ino);
	}
	apart_free(a);
	close(keep);
}

static void nothing_to_free_is_harmless(void **state)
{
	(void)state;
	apart_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_broker_closes_is_closed),
		cmocka_unit_test(the_descriptor_to_keep_is_there_on_both_sides),
		cmocka_unit_test(a_file_opened_apart_stays_open_apart),
		cmocka_unit_test(nothing_to_free_is_harmless),
	};

	return cmocka_run_group_tests_name("apart", tests, NULL, NULL);
}
