#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/highwater-ledger-XXXXXX");
	fd = mkstemp(path);
	return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct ledger *open_ledger(void)
{
	struct ledger *l = NULL;

	assert_int_equal(ledger_open(&l, path), 0);
	return l;
}

static void a_new_ledger_has_nothing_to_tell(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_entry e;

	(void)state;
	for (unsigned i = 0; i < LOSS_COUNT; i++) {
		assert_false(ledger_pending(l, i, &e));
	}
	ledger_close(l);
}

static void tells_count_and_time_span_by_reason(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_entry e;

	(void)state;
	ledger_add(l, REJECT_TIME_TOO_OLD, 1000);
	ledger_add(l, REJECT_TIME_TOO_OLD, 3000);
	ledger_add(l, LOSS_JOURNAL_FULL, 2000);
	assert_true(ledger_pending(l, REJECT_TIME_TOO_OLD, &e));
	assert_string_equal(e.reason, "time_too_old");
	assert_int_equal(e.total - e.told, 2);
	assert_int_equal(e.first_us, 1000);
	assert_int_equal(e.last_us, 3000);
	assert_true(ledger_pending(l, LOSS_JOURNAL_FULL, &e));
	assert_string_equal(e.reason, "journal_full");
	assert_int_equal(e.total, 1);
	ledger_close(l);
}

static void what_has_been_told_is_not_told_again(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_entry e;

	(void)state;
	ledger_add(l, LOSS_JOURNAL_FULL, 1000);
	ledger_told(l, "journal_full", 1);
	assert_false(ledger_pending(l, LOSS_JOURNAL_FULL, &e));
	ledger_add(l, LOSS_JOURNAL_FULL, 9000);
	assert_true(ledger_pending(l, LOSS_JOURNAL_FULL, &e));
	assert_int_equal(e.total, 2);
	assert_int_equal(e.told, 1);
	assert_int_equal(e.first_us, 9000);
	ledger_told(l, "no such reason", 5);
	ledger_close(l);
}

static void counts_survive_a_kill(void **state)
{
	struct ledger *l;
	struct ledger_entry e;
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		if (ledger_open(&l, path) != 0) {
			_exit(1);
		}
		for (int i = 0; i < 1234; i++) {
			ledger_add(l, REJECT_INVALID_JSON, i);
		}
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	l = open_ledger();
	assert_true(ledger_pending(l, REJECT_INVALID_JSON, &e));
	assert_int_equal(e.total, 1234);
	assert_int_equal(e.last_us, 1233);
	ledger_close(l);
}

static void goes_on_from_what_the_database_knows_when_the_file_was_lost(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_entry e;

	(void)state;
	ledger_add(l, LOSS_JOURNAL_FULL, 5000);
	ledger_told(l, "journal_full", 100);
	assert_true(ledger_pending(l, LOSS_JOURNAL_FULL, &e));
	assert_int_equal(e.told, 100);
	assert_int_equal(e.total, 101);
	ledger_close(l);
}

static void refuses_a_file_that_is_no_ledger(void **state)
{
	struct ledger *l = NULL;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 8192; i++) {
		fputc('x', f);
	}
	fclose(f);
	assert_int_equal(ledger_open(&l, path), -EBADMSG);
	assert_null(l);
}

static void progress_is_that_of_one_journal_and_survives(void **state)
{
	struct ledger *l = open_ledger();
	const uint8_t one[LEDGER_JOURNAL_ID_SIZE] = {1}, other[LEDGER_JOURNAL_ID_SIZE] = {2};
	const struct ledger_progress noted = {.stored = 7, .sent = 9};
	struct ledger_progress seen = {0};

	(void)state;
	assert_false(ledger_progress(l, one, &seen));
	ledger_note_progress(l, one, &noted);
	ledger_close(l);
	l = open_ledger();
	assert_false(ledger_progress(l, other, &seen));
	assert_true(ledger_progress(l, one, &seen));
	assert_int_equal(seen.stored, 7);
	assert_int_equal(seen.sent, 9);
	ledger_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_ledger_has_nothing_to_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_count_and_time_span_by_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_been_told_is_not_told_again, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_survive_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_from_what_the_database_knows_when_the_file_was_lost,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(progress_is_that_of_one_journal_and_survives, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(refuses_a_file_that_is_no_ledger, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
