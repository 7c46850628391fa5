#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "csv.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Opens a reader on bytes, by way of a file that has no name any more. */
static void open_bytes(struct csv *c, const char *bytes, size_t length)
{
	char path[] = "/tmp/test_csv.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(close(fd), 0);
	assert_int_equal(csv_open(c, path), 0);
	assert_int_equal(unlink(path), 0);
}

#define OPEN(c, text) open_bytes(c, text, sizeof(text) - 1)

static void assert_row(struct csv *c, unsigned long line, size_t count, const char *const *fields)
{
	assert_int_equal(csv_next(c), 1);
	assert_int_equal(c->line, line);
	assert_int_equal(c->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(csv_field(c, i), fields[i]);
	}
}

#define ASSERT_ROW(c, line, ...)                                 \
	do {                                                     \
		const char *const fields[] = {__VA_ARGS__};      \
		assert_row(c, line, ARRAY_SIZE(fields), fields); \
	} while (0)

static void assert_end(struct csv *c)
{
	assert_int_equal(csv_next(c), 0);
	csv_close(c);
}

static void reads_plain_rows_with_either_line_end(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "a,b\r\n1,2\n3,4");
	ASSERT_ROW(&c, 1, "a", "b");
	ASSERT_ROW(&c, 2, "1", "2");
	ASSERT_ROW(&c, 3, "3", "4");
	assert_end(&c);
}

static void keeps_empty_fields(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, ",,\r\n\"\",x,\n");
	ASSERT_ROW(&c, 1, "", "", "");
	ASSERT_ROW(&c, 2, "", "x", "");
	assert_end(&c);
}

static void quoted_fields_hold_commas_quotes_and_line_ends(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\nnext,row,here\n");
	ASSERT_ROW(&c, 1, "a,b", "say \"hi\"", "two\nlines");
	ASSERT_ROW(&c, 3, "next", "row", "here");
	assert_end(&c);
}

static void passes_over_byte_order_mark_and_empty_lines(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "\xEF\xBB\xBF\"time\",v\r\n\r\n\n1,2\n\n");
	ASSERT_ROW(&c, 1, "time", "v");
	ASSERT_ROW(&c, 4, "1", "2");
	assert_end(&c);
}

static void keeps_text_that_only_begins_like_a_mark(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "\xEF\xBB\xBC,b\n");
	ASSERT_ROW(&c, 1, "\xEF\xBB\xBC", "b");
	assert_end(&c);
}

static void empty_file_has_no_row(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "");
	assert_end(&c);
}

static void broken_row_costs_one_row(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "a\n\"b\"c\nd\0e\nf\n");
	ASSERT_ROW(&c, 1, "a");
	assert_int_equal(csv_next(&c), -EBADMSG);
	assert_int_equal(c.line, 2);
	assert_string_equal(c.broken, "text follows a closing quote");
	assert_int_equal(csv_next(&c), -EBADMSG);
	assert_string_equal(c.broken, "a NUL byte");
	ASSERT_ROW(&c, 4, "f");
	assert_end(&c);
}

static void reports_unclosed_quote_at_the_end(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "a\n\"b,c\nd\n");
	ASSERT_ROW(&c, 1, "a");
	assert_int_equal(csv_next(&c), -EBADMSG);
	assert_string_equal(c.broken, "a quote is not closed");
	assert_end(&c);
}

static void refuses_row_beyond_the_limit(void **state)
{
	size_t length = CSV_ROW_MAX + 100;
	char *bytes = malloc(length);
	struct csv c;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', length);
	bytes[0] = '"';
	open_bytes(&c, bytes, length);
	free(bytes);
	assert_int_equal(csv_next(&c), -EFBIG);
	csv_close(&c);
}

static void finds_columns_by_their_whole_name(void **state)
{
	struct csv c;

	(void)state;
	OPEN(&c, "time,value_m,value\n");
	assert_int_equal(csv_next(&c), 1);
	assert_int_equal(csv_find(&c, "value", 5), 2);
	assert_int_equal(csv_find(&c, "value_m", 7), 1);
	assert_int_equal(csv_find(&c, "val", 3), -1);
	assert_end(&c);
}

static void reports_missing_file(void **state)
{
	struct csv c;

	(void)state;
	assert_int_equal(csv_open(&c, "/nonexistent/levels.csv"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain_rows_with_either_line_end),
		cmocka_unit_test(keeps_empty_fields),
		cmocka_unit_test(quoted_fields_hold_commas_quotes_and_line_ends),
		cmocka_unit_test(passes_over_byte_order_mark_and_empty_lines),
		cmocka_unit_test(keeps_text_that_only_begins_like_a_mark),
		cmocka_unit_test(empty_file_has_no_row),
		cmocka_unit_test(broken_row_costs_one_row),
		cmocka_unit_test(reports_unclosed_quote_at_the_end),
		cmocka_unit_test(refuses_row_beyond_the_limit),
		cmocka_unit_test(finds_columns_by_their_whole_name),
		cmocka_unit_test(reports_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
