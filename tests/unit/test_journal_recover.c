#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal_fixture.h"
#include "journal_reader.h"
#include "journal_recover.h"
#include "journal_settle.h"

#include <fcntl.h>

#define RECORDS_MAX 20000
#define FILES_MAX   16

/* A journal's files as a crash found them, and the records that had gone into it. */
struct file {
	uint32_t number;
	uint8_t *bytes;
	size_t size;
};

struct lab {
	struct fixture live;          /* makes the journal */
	char directory[SCRATCH_PATH]; /* what recovery gets to see */
	struct file file[FILES_MAX];
	size_t files;
	uint64_t position[RECORDS_MAX]; /* of each record */
	uint64_t records;
};

static int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	void *fixture = NULL;

	assert_non_null(lab);
	fixture_setup(&fixture);
	lab->live = *(struct fixture *)fixture;
	lab->live.options.directory = lab->live.directory;
	free(fixture);
	scratch_make(lab->directory);
	*state = lab;
	return 0;
}

static void lab_forget(struct lab *lab)
{
	for (size_t i = 0; i < lab->files; i++)
		free(lab->file[i].bytes);
	lab->files = 0;
}

static int lab_teardown(void **state)
{
	struct lab *lab = *state;

	lab_forget(lab);
	fixture_close(&lab->live);
	fixture_empty_directory(lab->live.directory);
	fixture_empty_directory(lab->directory);
	rmdir(lab->live.directory);
	rmdir(lab->directory);
	free(lab);
	return 0;
}

static void lab_append(struct lab *lab, uint64_t count)
{
	uint8_t body[JOURNAL_BODY_MAX];

	for (; count > 0; count--) {
		uint64_t i = lab->records++;
		size_t length = fixture_body(i, body);

		assert_true(i < RECORDS_MAX);
		assert_int_equal(journal_append(lab->live.journal, FIXTURE_KIND, JOURNAL_NORMAL, body, length,
		                                &lab->position[i]),
		                 0);
		if (i % 64 == 0)
			assert_int_equal(journal_prepare(lab->live.journal), 0);
	}
}

/* Until the synced mark itself is on disk. */
static void lab_sync(struct lab *lab)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(journal_sync(lab->live.journal), 0);
}

static void path_of(const char *directory, uint32_t number, char path[static 128])
{
	snprintf(path, 128, "%s/%016x.seg", directory, number);
}

/* Zeros at the end mean the same as no bytes there; without them the many looks of a campaign are quick. */
static size_t trimmed(const uint8_t *bytes, size_t size)
{
	while (size > 8192 && bytes[size - 1] == 0)
		size--;
	return (size + 511) & ~(size_t)511;
}

static void lab_take_file(struct lab *lab, uint32_t number)
{
	char path[128];
	struct stat st;

	path_of(lab->live.directory, number, path);
	FILE *in = fopen(path, "r");
	if (!in)
		return;
	struct file *f = &lab->file[lab->files++];
	assert_true(lab->files <= FILES_MAX);
	assert_int_equal(fstat(fileno(in), &st), 0);
	f->number = number;
	f->bytes = malloc((size_t)st.st_size);
	assert_non_null(f->bytes);
	assert_int_equal(fread(f->bytes, 1, (size_t)st.st_size, in), st.st_size);
	fclose(in);
	f->size = trimmed(f->bytes, (size_t)st.st_size);
}

/* As kill -9 leaves it: what was stored is there. */
static void lab_take(struct lab *lab)
{
	lab_forget(lab);
	for (uint32_t number = 1; number < 40; number++)
		lab_take_file(lab, number);
}

static void lab_put_file(const struct lab *lab, const struct file *f, size_t size)
{
	char path[128];

	path_of(lab->directory, f->number, path);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(f->bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static void lab_put(const struct lab *lab)
{
	fixture_empty_directory(lab->directory);
	for (size_t i = 0; i < lab->files; i++)
		lab_put_file(lab, &lab->file[i], lab->file[i].size);
}

struct seen {
	struct journal_report report;
	struct journal_recovery recovery;
	uint64_t count; /* of records */
	uint64_t last;
};

/* A record may be left out only when damage is skipped; none may come twice, changed, or from elsewhere. */
static void check_segment(const struct lab *lab, int directory, const struct journal_segment *s, bool skip,
                          struct seen *seen)
{
	static struct journal_reader reader;
	struct journal_record r;
	uint32_t offset = JOURNAL_FORMAT_START, end = atomic_load(&s->end);
	uint64_t i;

	reader.fd = -1;
	reader.start = reader.length = 0;
	assert_int_equal(
		journal_reader_open(&reader, directory, s->number, journal_format_seed(seen->recovery.id)),
		0);
	while (offset < end) {
		assert_int_equal(journal_reader_next(&reader, offset, end, &r), 1);
		memcpy(&i, r.body, sizeof(i));
		assert_true(i < lab->records && (seen->count == 0 || i > seen->last));
		assert_true(skip || i == seen->count);
		assert_int_equal(r.position, lab->position[i]);
		fixture_check_record(&r, i);
		seen->last = i;
		seen->count++;
		offset = journal_format_offset(r.next);
	}
	assert_int_equal(offset, end);
	journal_reader_close(&reader);
}

static int lab_look(const struct lab *lab, enum journal_on_damage on_damage, struct seen *seen)
{
	struct journal_options options = {lab->directory, 64u << 20, FIXTURE_SEGMENT, on_damage};
	int directory = open(lab->directory, O_RDONLY | O_DIRECTORY);

	memset(seen, 0, sizeof(*seen));
	assert_true(directory >= 0);
	int e = journal_recover_look(&seen->recovery, directory, &options, &seen->report);
	for (size_t i = 0; e == 0 && i < seen->recovery.live.count; i++)
		check_segment(lab, directory, seen->recovery.live.at[i], on_damage == JOURNAL_SKIP, seen);
	if (e == 0)
		assert_int_equal(seen->count, seen->report.records);
	if (e == -EBADMSG)
		assert_non_null(strstr(seen->report.message, "on_damage"));
	journal_recover_done(&seen->recovery);
	close(directory);
	return e;
}

static void expect_count(const struct lab *lab, uint64_t count)
{
	struct seen seen;

	if (lab_look(lab, JOURNAL_REFUSE, &seen) != 0)
		fail_msg("%s", seen.report.message);
	assert_int_equal(seen.count, count);
	assert_int_equal(seen.report.skipped_bytes, 0);
	assert_string_equal(seen.report.message, "");
}

/* Refused with the name of the file; without the damage, at least at_least records are readable. */
static void expect_refusal(const struct lab *lab, uint32_t number, uint64_t at_least)
{
	struct seen seen;
	char name[32];

	assert_int_equal(lab_look(lab, JOURNAL_REFUSE, &seen), -EBADMSG);
	snprintf(name, sizeof(name), "%016x.seg", number);
	if (!strstr(seen.report.message, name))
		fail_msg("%s is not in: %s", name, seen.report.message);
	assert_int_equal(lab_look(lab, JOURNAL_SKIP, &seen), 0);
	assert_true(seen.count >= at_least && seen.count <= lab->records);
	assert_non_null(strstr(seen.report.message, name));
}

/* Records that lie wholly before this offset of segment number, and those of earlier segments. */
static uint64_t records_before(const struct lab *lab, uint32_t number, size_t offset)
{
	uint64_t count = 0;
	uint8_t body[JOURNAL_BODY_MAX];

	while (count < lab->records) {
		uint64_t end = lab->position[count] + journal_format_size(fixture_body(count, body));

		if (end > ((uint64_t)number << 32) + offset)
			break;
		count++;
	}
	return count;
}

static size_t tail_offset(const struct lab *lab)
{
	return journal_format_offset(journal_tail(lab->live.journal));
}

static void a_cut_at_any_byte_leaves_the_whole_records_before_it(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 12);
	lab_take(lab);
	lab_put(lab);
	assert_true(tail_offset(lab) < 8192);
	for (size_t cut = 4096; cut <= tail_offset(lab) + 8; cut++) {
		lab_put_file(lab, &lab->file[0], cut);
		expect_count(lab, records_before(lab, 1, cut));
	}
	for (size_t cut = 0; cut < 4096; cut += cut < 80 ? 1 : 100) {
		lab_put_file(lab, &lab->file[0], cut);
		expect_refusal(lab, 1, 0);
	}
}

static void a_cut_before_the_synced_mark_is_refused(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 6);
	lab_sync(lab);
	size_t synced = tail_offset(lab);
	lab_append(lab, 6);
	lab_take(lab);
	lab_put(lab);
	for (size_t cut = 4096; cut <= tail_offset(lab); cut++) {
		lab_put_file(lab, &lab->file[0], cut);
		if (cut < synced)
			expect_refusal(lab, 1, records_before(lab, 1, cut));
		else
			expect_count(lab, records_before(lab, 1, cut));
	}
}

static bool in_header(size_t offset)
{
	return offset < sizeof(struct journal_format_header);
}

static bool in_mark(size_t offset)
{
	return (offset >= JOURNAL_FORMAT_MARK_A && offset < JOURNAL_FORMAT_MARK_A + 32) ||
	       (offset >= JOURNAL_FORMAT_MARK_B && offset < JOURNAL_FORMAT_MARK_B + 32);
}

/* Each bit of file[index] up to end, and back again. */
static void flip_each_bit(struct lab *lab, size_t index, size_t end,
                          void (*expect)(const struct lab *lab, size_t offset))
{
	struct file *f = &lab->file[index];
	char path[128];

	path_of(lab->directory, f->number, path);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	for (size_t offset = 0; offset < end; offset++) {
		/* The rest of the first page is not read: now and then is enough. */
		if (offset < 4096 && !in_header(offset) && !in_mark(offset) && offset % 64 != 0)
			continue;
		for (int bit = 0; bit < 8; bit++) {
			uint8_t flipped = f->bytes[offset] ^ (uint8_t)(1 << bit);

			assert_int_equal(pwrite(fd, &flipped, 1, (off_t)offset), 1);
			expect(lab, offset);
		}
		assert_int_equal(pwrite(fd, &f->bytes[offset], 1, (off_t)offset), 1);
	}
	close(fd);
}

static void expect_unsynced(const struct lab *lab, size_t offset)
{
	if (in_header(offset))
		expect_refusal(lab, 1, lab->records); /* the records can be read all the same */
	else if (offset < 4096)
		expect_count(lab, lab->records);
	else
		expect_count(lab, records_before(lab, 1, offset));
}

static void a_flipped_bit_ends_a_log_that_was_never_synced(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 6);
	lab_take(lab);
	lab_put(lab);
	flip_each_bit(lab, 0, tail_offset(lab) + 16, expect_unsynced);
}

/* Records 0..3 synced, 4..6 not: the mark is in copy B or A. */
static void expect_half_synced(const struct lab *lab, size_t offset)
{
	if (in_header(offset))
		expect_refusal(lab, 1, lab->records);
	else if (offset < 4096)
		expect_count(lab, lab->records);
	else if (records_before(lab, 1, offset) < 4)
		expect_refusal(lab, 1, records_before(lab, 1, offset));
	else
		expect_count(lab, records_before(lab, 1, offset));
}

static void a_flipped_bit_before_the_synced_mark_is_refused(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 4);
	lab_sync(lab);
	lab_append(lab, 3);
	lab_take(lab);
	lab_put(lab);
	flip_each_bit(lab, 0, tail_offset(lab) + 16, expect_half_synced);
}

/* Segment 1 was sealed by recovery with records 0..4; the log went on in segment 3. */
static void expect_sealed(const struct lab *lab, size_t offset)
{
	if (in_header(offset))
		expect_refusal(lab, 1, lab->records);
	else if (offset < 4096 || records_before(lab, 1, offset) >= 5)
		expect_count(lab, lab->records);
	else
		expect_refusal(lab, 1, records_before(lab, 1, offset) + lab->records - 5);
}

static void a_flipped_bit_in_a_sealed_segment_is_refused_and_costs_only_that_segment(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 5);
	size_t end = tail_offset(lab);
	fixture_close(&lab->live);
	fixture_open(&lab->live);
	lab_append(lab, 5);
	lab_take(lab);
	lab_put(lab);
	assert_int_equal(lab->file[1].number, 3);
	flip_each_bit(lab, 0, end + 16, expect_sealed);
}

static void bytes_of_another_place_or_journal_are_no_record(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 4);
	lab_take(lab);
	uint8_t *bytes = lab->file[0].bytes;
	size_t tail = tail_offset(lab), size = journal_format_size(8);
	assert_int_equal(journal_format_offset(lab->position[0]), 4096);
	memcpy(bytes + tail, bytes + 4096, size); /* record 0 again, where record 4 would stand */
	lab_put(lab);
	expect_count(lab, 4);

	/* The same position in a journal with another id. */
	struct fixture other = lab->live;
	scratch_make(other.directory);
	other.options.directory = other.directory;
	fixture_open(&other);
	fixture_append(other.journal, 0, 1);
	fixture_close(&other);
	fixture_open(&other);
	fixture_append(other.journal, 0, 1);
	char path[128];
	path_of(other.directory, 1, path);
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fseek(in, 4096, SEEK_SET), 0);
	assert_int_equal(fread(bytes + 4096, 1, size, in), size);
	fclose(in);
	lab_put(lab);
	expect_count(lab, 0);

	/* A whole segment of another journal. */
	lab_take(lab);
	lab_put(lab);
	struct file foreign = {.number = 3, .size = 8192, .bytes = lab->file[0].bytes};
	path_of(other.directory, 3, path);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fread(foreign.bytes, 1, 8192, in), 8192);
	fclose(in);
	lab_put_file(lab, &foreign, 8192);
	expect_refusal(lab, 3, lab->records);
	fixture_close(&other);
	fixture_empty_directory(other.directory);
	rmdir(other.directory);
}

/* Four segments sealed by restarts, a fifth with records, a sixth prepared. */
static void make_five(struct lab *lab)
{
	for (int i = 0; i < 5; i++) {
		fixture_close(&lab->live);
		fixture_open(&lab->live);
		lab_append(lab, 3);
	}
	lab_take(lab);
	assert_int_equal(lab->files, 6);
}

static void a_segment_that_is_missing_is_refused_by_name(void **state)
{
	struct lab *lab = *state;
	char path[128];

	make_five(lab);
	for (size_t i = 0; i < 5; i++) {
		lab_put(lab);
		path_of(lab->directory, lab->file[i].number, path);
		assert_int_equal(unlink(path), 0);
		expect_refusal(lab, lab->file[i].number, 12);
	}
	/* The one prepared ahead is no loss. */
	lab_put(lab);
	path_of(lab->directory, lab->file[5].number, path);
	assert_int_equal(unlink(path), 0);
	expect_count(lab, 15);
}

static void segments_filled_to_the_end_are_missed_too(void **state)
{
	struct lab *lab = *state;
	char path[128];

	fixture_open(&lab->live);
	lab_append(lab, 19000);
	lab_take(lab);
	assert_in_range(lab->files, 4, 6);
	for (size_t i = 0; i + 1 < lab->files; i++) {
		lab_put(lab);
		path_of(lab->directory, lab->file[i].number, path);
		assert_int_equal(unlink(path), 0);
		expect_refusal(lab, lab->file[i].number, 1000);
	}
	/* The newest in use, and the prepared one: then the one before says that there was more. */
	lab_put(lab);
	for (size_t i = lab->files - 2; i < lab->files; i++) {
		path_of(lab->directory, lab->file[i].number, path);
		assert_int_equal(unlink(path), 0);
	}
	expect_refusal(lab, lab->file[lab->files - 3].number, 1000);
}

static void retired_segments_are_not_missed_and_not_read_when_they_come_back(void **state)
{
	struct lab *lab = *state;
	struct fixture again = lab->live;
	char path[128];

	make_five(lab);
	struct file back = lab->file[0]; /* its deletion will not have reached the disk */
	lab->file[0].bytes = NULL;
	assert_int_equal(journal_retire(lab->live.journal, lab->position[6]), 0);
	lab_take(lab);
	assert_int_equal(lab->files, 4);
	lab_put(lab);
	lab_put_file(lab, &back, back.size);
	free(back.bytes);
	memcpy(again.directory, lab->directory, sizeof(again.directory));
	again.options.directory = again.directory;
	fixture_open(&again);
	assert_int_equal(again.report.records, 9);
	fixture_expect(again.journal, 6, 15);
	path_of(again.directory, back.number, path);
	assert_int_not_equal(access(path, F_OK), 0);
	fixture_close(&again);
}

static void an_older_copy_of_a_segment_is_refused_when_later_ones_were_synced(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 4000);
	lab_take(lab);
	struct file older = lab->file[0];
	lab->file[0].bytes = NULL;
	lab_append(lab, 4000);
	lab_sync(lab);
	lab_take(lab);
	assert_int_equal(journal_format_number(lab->position[7999]), 2);
	lab_put(lab);
	expect_count(lab, 8000);
	lab_put_file(lab, &older, older.size);
	free(older.bytes);
	expect_refusal(lab, 1, 4000 + 8000 - records_before(lab, 1, FIXTURE_SEGMENT));
}

static void a_header_that_is_not_valid_does_not_hide_records_behind_a_hole(void **state)
{
	struct lab *lab = *state;

	fixture_open(&lab->live);
	lab_append(lab, 8000);
	lab_take(lab);
	size_t hole = lab->file[0].size - 4096;
	memset(lab->file[0].bytes + hole, 0, 512);
	lab->file[1].bytes[20] ^= 1;
	lab_put(lab);
	expect_refusal(lab, 2, records_before(lab, 1, hole) + 8000 - records_before(lab, 1, FIXTURE_SEGMENT));
}

static void a_header_of_another_segment_is_refused(void **state)
{
	struct lab *lab = *state;

	make_five(lab);
	lab->file[1].number++; /* renamed */
	lab_put(lab);
	expect_refusal(lab, lab->file[1].number - 1, 12);
}

static void the_newest_file_may_be_torn_when_it_was_never_used(void **state)
{
	struct lab *lab = *state;

	make_five(lab);
	memset(lab->file[5].bytes, 0, 4096);
	lab_put(lab);
	expect_count(lab, 15);
	lab_put_file(lab, &lab->file[5], 0);
	expect_count(lab, 15);
	/* The one that was in use may not. */
	lab_take(lab);
	memset(lab->file[4].bytes, 0, 64);
	lab_put(lab);
	expect_refusal(lab, lab->file[4].number, 15);
	fixture_empty_directory(lab->directory);
	for (size_t i = 0; i < 5; i++)
		lab_put_file(lab, &lab->file[i], lab->file[i].size);
	expect_refusal(lab, lab->file[4].number, 15);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes, "quick and dirty" */
	return *seed >> 8;
}

/* A power cut: any sector that was not flushed may be as it was before, zero. */
static void lose_sectors(struct file *f, const struct file *original, size_t synced, uint32_t *seed)
{
	uint32_t odds = next_random(seed) % 4;

	memcpy(f->bytes, original->bytes, f->size);
	for (size_t at = 4096; at < f->size; at += 512) {
		size_t from = MAX(at, synced), end = MIN(at + 512, f->size);

		if (from < end && next_random(seed) % 40 < odds * odds)
			memset(f->bytes + from, 0, end - from);
	}
}

/* The synced mark on the disk, as recovery will find it. */
static size_t synced_of(const struct lab *lab, uint32_t number)
{
	int directory = open(lab->directory, O_RDONLY | O_DIRECTORY);
	struct journal_segment *s = journal_segment_new(number);

	assert_non_null(s);
	assert_int_equal(journal_segment_load(directory, s), 0);
	assert_null(s->fault);
	size_t synced = s->known.synced;
	journal_segment_free(s);
	close(directory);
	return synced;
}

static void a_power_cut_costs_only_what_was_not_synced(void **state)
{
	struct lab *lab = *state;
	struct file original[FILES_MAX];
	size_t synced[FILES_MAX];
	uint32_t seed = 20251122;
	uint64_t least = 0, lost = 0;
	struct seen seen;

	fixture_open(&lab->live);
	lab_append(lab, 2000);
	lab_sync(lab);
	least = lab->records;
	lab_append(lab, 300);
	assert_int_equal(journal_sync(lab->live.journal),
	                 0); /* up to a page's end, in the middle of a record */
	lab_append(lab, 7700);
	lab_take(lab);
	lab_put(lab);
	assert_int_equal(lab->files, 3);
	for (size_t i = 0; i < lab->files; i++) {
		synced[i] = synced_of(lab, lab->file[i].number);
		original[i] = lab->file[i];
		lab->file[i].bytes = malloc(lab->file[i].size);
		assert_non_null(lab->file[i].bytes);
	}
	assert_in_range(synced[0], journal_format_offset(lab->position[least]) + 1, FIXTURE_SEGMENT);
	assert_int_equal(synced[1], 4096);
	for (int cut = 0; cut < 100; cut++) {
		for (size_t i = 0; i < lab->files; i++)
			lose_sectors(&lab->file[i], &original[i], synced[i], &seed);
		lab_put(lab);
		if (lab_look(lab, JOURNAL_REFUSE, &seen) != 0)
			fail_msg("%s", seen.report.message);
		assert_in_range(seen.count, least, lab->records);
		lost += seen.count < lab->records;
		assert_true(seen.count == lab->records || seen.report.tail_torn);
	}
	assert_in_range(lost, 30, 99);
	for (size_t i = 0; i < lab->files; i++)
		free(original[i].bytes);
}

/* A power cut that loses the seal of a segment and nothing of the next one. */
static void records_after_a_hole_are_dropped_and_their_positions_not_used_again(void **state)
{
	struct lab *lab = *state;
	struct fixture again = lab->live;

	fixture_open(&lab->live);
	lab_append(lab, 8000);
	uint64_t tail = journal_tail(lab->live.journal);
	assert_int_equal(journal_format_number(tail), 2);
	lab_take(lab);
	memset(lab->file[0].bytes + lab->file[0].size - 4096, 0, 4096);
	lab_put(lab);
	expect_count(lab, records_before(lab, 1, lab->file[0].size - 4096));
	memcpy(again.directory, lab->directory, sizeof(again.directory));
	again.options.directory = again.directory;
	fixture_open(&again);
	assert_true(again.report.tail_torn);
	assert_true(journal_tail(again.journal) > tail);
	assert_int_equal(journal_format_number(journal_tail(again.journal)), 4);
	fixture_expect(again.journal, 0, again.report.records);
	fixture_append(again.journal, again.report.records, again.report.records + 10);
	uint64_t count = again.report.records + 10;
	fixture_close(&again);
	fixture_open(&again);
	assert_int_equal(again.report.records, count);
	assert_false(again.report.tail_torn);
	fixture_expect(again.journal, 0, count);
	fixture_close(&again);
}

static void an_unfinished_record_is_reported_as_a_torn_tail(void **state)
{
	struct lab *lab = *state;
	struct seen seen;

	fixture_open(&lab->live);
	lab_append(lab, 3);
	lab_take(lab);
	lab_put(lab);
	assert_int_equal(lab_look(lab, JOURNAL_REFUSE, &seen), 0);
	assert_false(seen.report.tail_torn);
	memset(lab->file[0].bytes + tail_offset(lab) + 8, 'b', 20); /* a body without its head */
	lab_put(lab);
	assert_int_equal(lab_look(lab, JOURNAL_REFUSE, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_true(seen.report.tail_torn);
}

static void the_message_says_file_offset_and_remedy(void **state)
{
	struct lab *lab = *state;
	struct seen seen;
	char offset[64];

	make_five(lab);
	lab->file[1].bytes[4096 + 9] ^= 1;
	lab_put(lab);
	assert_int_equal(lab_look(lab, JOURNAL_REFUSE, &seen), -EBADMSG);
	snprintf(offset, sizeof(offset), "offset %u", 4096);
	assert_non_null(strstr(seen.report.message, lab->directory));
	assert_non_null(strstr(seen.report.message, offset));
	assert_non_null(strstr(seen.report.message, "Restore the file"));
	assert_non_null(strstr(seen.report.message, "\"journal\": {\"on_damage\": \"skip\"}"));
}

static void what_is_skipped_is_counted_and_the_journal_goes_on(void **state)
{
	struct lab *lab = *state;
	struct fixture again = lab->live;
	struct journal_cursor c;
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_record r;
	uint64_t count = 0, position;

	make_five(lab);
	size_t end = journal_format_offset(lab->position[5]) + journal_format_size(fixture_body(5, buffer));
	lab->file[1].bytes[journal_format_offset(lab->position[4]) + 9] ^= 1;
	lab_put(lab);
	memcpy(again.directory, lab->directory, sizeof(again.directory));
	again.options.directory = again.directory;
	assert_int_equal(fixture_try_open(&again), -EBADMSG);
	again.options.on_damage = JOURNAL_SKIP;
	for (int restart = 0; restart < 2; restart++) {
		fixture_open(&again);
		assert_int_equal(again.report.records, 13 + restart);
		assert_int_equal(again.report.skipped_bytes, end - journal_format_offset(lab->position[4]));
		assert_int_equal(journal_append(again.journal, 9, JOURNAL_NORMAL, "new", 3, &position), 0);
		fixture_close(&again);
	}
	fixture_open(&again);
	journal_cursor_init(&c, again.journal, 0);
	while (journal_cursor_next(&c, buffer, sizeof(buffer), &r) == 1)
		count++;
	assert_int_equal(count, 15);
	assert_int_equal(c.lost.records, 2); /* 4 and 5 */
	assert_int_equal(c.lost.bytes, 0);
	/* Retired, the damage is gone. */
	assert_int_equal(journal_retire(again.journal, journal_tail(again.journal)), 0);
	fixture_close(&again);
	again.options.on_damage = JOURNAL_REFUSE;
	fixture_open(&again);
	fixture_close(&again);
}

/* Opens what the lab has, skipping damage. */
static void open_damaged(const struct lab *lab, struct fixture *again)
{
	*again = lab->live;
	memcpy(again->directory, lab->directory, sizeof(again->directory));
	again->options.directory = again->directory;
	again->options.on_damage = JOURNAL_SKIP;
	lab_put(lab);
}

/* Reads on; the number of the last record. */
static uint64_t read_to_the_end(struct journal_cursor *c)
{
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_record r;
	uint64_t i = UINT64_MAX;
	int got;

	while ((got = journal_cursor_next(c, buffer, sizeof(buffer), &r)) == 1)
		memcpy(&i, r.body, sizeof(i));
	assert_int_equal(got, 0);
	return i;
}

static void what_stands_behind_damage_is_read_by_who_had_passed_it(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	struct journal_cursor c;

	make_five(lab);
	lab->file[1].bytes[journal_format_offset(lab->position[3]) + 9] ^= 1;
	open_damaged(lab, &again);
	fixture_open(&again);
	journal_cursor_init(&c, again.journal, lab->position[4]);
	assert_int_equal(fixture_read(&c, 4), 15);
	assert_int_equal(c.lost.records + c.lost.bytes, 0);
	fixture_close(&again);
}

static void damage_beside_damage_costs_no_more_than_its_bytes(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	struct journal_cursor c;

	make_five(lab);
	lab->file[1].bytes[journal_format_offset(lab->position[3]) + 9] ^= 1;
	lab->file[1].bytes[journal_format_offset(lab->position[5]) + 9] ^= 1;
	open_damaged(lab, &again);
	fixture_open(&again);
	journal_cursor_init(&c, again.journal, lab->position[4]);
	assert_int_equal(read_to_the_end(&c), 14);
	assert_int_equal(c.lost.records, 0);
	assert_in_range(c.lost.bytes, 8, 500); /* record 5 */
	fixture_close(&again);
}

static void records_behind_the_last_mark_are_counted_with_what_is_damaged(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	struct journal_cursor c;

	fixture_open(&lab->live);
	lab_append(lab, 10);
	lab_sync(lab);
	lab_append(lab, 7); /* not marked */
	lab_take(lab);
	lab->file[0].bytes[journal_format_offset(lab->position[2]) + 9] ^= 1;
	open_damaged(lab, &again);
	fixture_open(&again);
	journal_cursor_init(&c, again.journal, 0);
	assert_int_equal(read_to_the_end(&c), 1);
	assert_int_equal(c.lost.records, 15);
	assert_int_equal(c.lost.bytes, 0);
	fixture_close(&again);
}

/* Passed over once: a cursor that goes on from there does not count it again. */
static void a_missing_segment_is_counted_by_its_bytes_until_it_is_passed(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	struct journal_cursor c;
	char path[128];

	make_five(lab);
	for (size_t i = 0; i < 4; i++) {
		open_damaged(lab, &again);
		path_of(lab->directory, lab->file[i].number, path);
		assert_int_equal(unlink(path), 0);
		fixture_open(&again);
		/* What stands before it is stored, and must not take the gap with it. */
		if (i > 0)
			assert_int_equal(journal_retire(again.journal, lab->position[i * 3] - 1), 0);
		journal_cursor_init(&c, again.journal, i > 0 ? lab->position[i * 3 - 1] : 0);
		assert_int_equal(read_to_the_end(&c), 14);
		assert_int_equal(c.lost.records, 0);
		assert_in_range(c.lost.bytes, FIXTURE_SEGMENT, 4 * FIXTURE_SEGMENT);
		journal_cursor_init(&c, again.journal, lab->position[i * 3 + 3]);
		assert_int_equal(read_to_the_end(&c), 14);
		assert_int_equal(c.lost.bytes, 0);
		fixture_close(&again);
	}
}

static void a_missing_end_is_reported_once(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	char path[128];

	make_five(lab);
	open_damaged(lab, &again);
	for (size_t i = 4; i < 6; i++) {
		path_of(lab->directory, lab->file[i].number, path);
		assert_int_equal(unlink(path), 0);
	}
	fixture_open(&again);
	assert_int_equal(again.report.missing_bytes, FIXTURE_SEGMENT);
	fixture_close(&again);
	again.options.on_damage = JOURNAL_REFUSE;
	fixture_open(&again);
	assert_int_equal(again.report.missing_bytes, 0);
	fixture_close(&again);
}

/* A journal of a version whose marks did not count is read, and its damage told by its bytes. */
static void marks_that_do_not_count_are_read(void **state)
{
	struct lab *lab = *state;
	struct fixture again;
	struct journal_cursor c;

	make_five(lab);
	struct file *file = &lab->file[1];
	uint32_t seed = journal_format_seed(((struct journal_format_header *)(void *)file->bytes)->id);
	const uint32_t offsets[] = {JOURNAL_FORMAT_MARK_A, JOURNAL_FORMAT_MARK_B};
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct journal_format_mark m;
		struct journal_format_known known;

		memcpy(&m, file->bytes + offsets[i], sizeof(m));
		assert_true(journal_format_read_mark(&m, seed, file->number, offsets[i], FIXTURE_SEGMENT,
		                                     &known));
		assert_int_equal(known.records, 3);
		known.records = 0;
		journal_format_write_mark(&known, seed, file->number, &m);
		memcpy(file->bytes + offsets[i], &m, sizeof(m));
	}
	lab_put(lab);
	expect_count(lab, 15);
	file->bytes[journal_format_offset(lab->position[4]) + 9] ^= 1;
	open_damaged(lab, &again);
	fixture_open(&again);
	journal_cursor_init(&c, again.journal, 0);
	assert_int_equal(read_to_the_end(&c), 14);
	assert_int_equal(c.lost.records, 0);
	assert_in_range(c.lost.bytes, 16, 1000);
	fixture_close(&again);
}

/* Recovery in its steps, and a crash after each. */
static void recovery_may_be_cut_short_at_any_step(void **state)
{
	struct lab *lab = *state;
	struct journal_options options = {lab->directory, 64u << 20, FIXTURE_SEGMENT, JOURNAL_REFUSE};
	struct journal_recovery recovery;
	struct journal_report report = {0};
	struct journal_segment *next = journal_segment_new(50);
	char path[128];

	fixture_open(&lab->live);
	lab_append(lab, 8000); /* segments 1 and 2, the third prepared */
	lab_take(lab);
	size_t hole = lab->file[1].size - 2048;
	memset(lab->file[1].bytes + hole, 0, 512);
	lab_put(lab);
	uint64_t count = records_before(lab, 2, hole);
	int directory = open(lab->directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(journal_recover_look(&recovery, directory, &options, &report), 0);
	snprintf(path, sizeof(path), "%s/%016x.tmp", lab->directory, 4);
	fclose(fopen(path, "w"));

	struct journal_segment *last = recovery.live.at[recovery.live.count - 1];
	assert_int_equal(journal_segment_settle(directory, recovery.live.at[0], true), 0);
	expect_count(lab, count);
	assert_int_equal(journal_settle_files(&recovery, directory), 0);
	expect_count(lab, count);
	assert_int_equal(fixture_count_files(lab->directory, ".tmp"), 0);
	assert_non_null(next);
	next->previous = last->number;
	next->size = FIXTURE_SEGMENT;
	memcpy(next->id, recovery.id, sizeof(next->id));
	assert_int_equal(journal_segment_create(directory, next), 0);
	expect_count(lab, count);
	assert_int_equal(journal_segment_settle(directory, last, true), 0);
	expect_count(lab, count);
	assert_int_equal(journal_settle_seal(last, &recovery.dead, directory), 0);
	expect_count(lab, count);
	assert_int_equal(fixture_count_files(lab->directory, ".seg"), 3);
	journal_recover_done(&recovery);
	journal_segment_free(next);
	close(directory);
}

static void an_empty_directory_and_foreign_names_are_no_journal(void **state)
{
	struct lab *lab = *state;
	const char *names[] = {"0000000000000000.seg", "00000000000000g1.seg",     "1.seg",
	                       "ffffffffffffffff.seg", "0000000000000001.seg.bak", "0000000000000001.SEG"};
	char path[128];

	expect_count(lab, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->directory, names[i]);
		fclose(fopen(path, "w"));
	}
	expect_count(lab, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_cut_at_any_byte_leaves_the_whole_records_before_it),
		CASE(a_cut_before_the_synced_mark_is_refused),
		CASE(a_flipped_bit_ends_a_log_that_was_never_synced),
		CASE(a_flipped_bit_before_the_synced_mark_is_refused),
		CASE(a_flipped_bit_in_a_sealed_segment_is_refused_and_costs_only_that_segment),
		CASE(bytes_of_another_place_or_journal_are_no_record),
		CASE(a_segment_that_is_missing_is_refused_by_name),
		CASE(segments_filled_to_the_end_are_missed_too),
		CASE(retired_segments_are_not_missed_and_not_read_when_they_come_back),
		CASE(an_older_copy_of_a_segment_is_refused_when_later_ones_were_synced),
		CASE(a_header_that_is_not_valid_does_not_hide_records_behind_a_hole),
		CASE(a_header_of_another_segment_is_refused),
		CASE(the_newest_file_may_be_torn_when_it_was_never_used),
		CASE(a_power_cut_costs_only_what_was_not_synced),
		CASE(records_after_a_hole_are_dropped_and_their_positions_not_used_again),
		CASE(an_unfinished_record_is_reported_as_a_torn_tail),
		CASE(the_message_says_file_offset_and_remedy),
		CASE(what_is_skipped_is_counted_and_the_journal_goes_on),
		CASE(what_stands_behind_damage_is_read_by_who_had_passed_it),
		CASE(damage_beside_damage_costs_no_more_than_its_bytes),
		CASE(records_behind_the_last_mark_are_counted_with_what_is_damaged),
		CASE(a_missing_segment_is_counted_by_its_bytes_until_it_is_passed),
		CASE(a_missing_end_is_reported_once),
		CASE(marks_that_do_not_count_are_read),
		CASE(recovery_may_be_cut_short_at_any_step),
		CASE(an_empty_directory_and_foreign_names_are_no_journal),
	};

	return cmocka_run_group_tests_name("journal_recover", tests, NULL, NULL);
}
