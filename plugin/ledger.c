/*
 * The file, 8192 bytes, in the byte order of the machine:
 *
 *      0     8  magic
 *      8     4  version, 1
 *     12     4  zero
 *     16    16  id of the journal that the next two are about
 *     32     8  position up to which it is stored, as this broker knows
 *     40     8  position of the last COMMIT that was sent
 *     48    16  zero
 *     64  64·n  entries, one a reason:
 *                 0    32  name, NUL-terminated; empty: the entry is free
 *                32     8  total
 *                40     8  first time of those not told, Unix µs
 *                48     8  last time, Unix µs
 *                56     8  told, as the writer last knew
 *
 * Each number is stored whole (8 bytes, aligned), so that a kill leaves at most
 * one count behind its times. An entry never moves.
 */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEDGER_MAGIC   "HWLEDGER"
#define LEDGER_VERSION 1u
#define LEDGER_SIZE    8192u
#define LEDGER_ENTRIES 127

struct entry {
	char name[LEDGER_NAME_MAX + 1];
	_Atomic uint64_t total;
	_Atomic int64_t first_us, last_us;
	_Atomic uint64_t told;
};

struct file {
	char magic[8];
	uint32_t version;
	char zero[4];
	uint8_t journal[LEDGER_JOURNAL_ID_SIZE];
	_Atomic uint64_t stored, sent;
	char zeros[16];
	struct entry entry[LEDGER_ENTRIES];
};

_Static_assert(sizeof(struct entry) == 64, "an entry is 64 bytes");
_Static_assert(sizeof(struct file) == LEDGER_SIZE, "the file is 8192 bytes");
_Static_assert(LOSS_COUNT <= LEDGER_ENTRIES, "each reason has an entry");

struct ledger {
	struct file *file; /* the map */
	struct entry *by_loss[LOSS_COUNT];
	_Atomic bool dirty;
};

static const char *loss_name(unsigned loss)
{
	if (loss < REJECT_COUNT) {
		return reject_name((enum reject)loss);
	}
	switch ((enum loss)loss) {
	case LOSS_JOURNAL_FULL:
		return LEDGER_JOURNAL_FULL;
	case LOSS_OUT_OF_MEMORY:
		return LEDGER_OUT_OF_MEMORY;
	case LOSS_JOURNAL_DAMAGED_AT_MOST:
		return LEDGER_JOURNAL_DAMAGED_AT_MOST;
	case LOSS_COUNT:
		break;
	}
	return "";
}

/* The entry of this name, made if it is not there; NULL when the file is full of reasons of other versions. */
static struct entry *find_entry(struct file *f, const char *name)
{
	for (size_t i = 0; i < LEDGER_ENTRIES; i++) {
		struct entry *e = &f->entry[i];

		if (e->name[0] == '\0') {
			copy_text(e->name, sizeof(e->name), name, strlen(name));
		}
		if (strncmp(e->name, name, LEDGER_NAME_MAX) == 0) {
			return e;
		}
	}
	return NULL;
}

/* Gives a new file its size in blocks that exist, so that the map never meets a full disk. */
static int make_file(int fd)
{
	char bytes[LEDGER_SIZE] = {0};
	struct file *f = (void *)bytes;
	ssize_t written;

	memcpy(f->magic, LEDGER_MAGIC, sizeof(f->magic));
	f->version = LEDGER_VERSION;
	written = pwrite(fd, bytes, sizeof(bytes), 0);
	if (written != (ssize_t)sizeof(bytes)) {
		return written < 0 ? -errno : -ENOSPC;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

static int map_file(int fd, struct file **ret)
{
	struct stat st;
	struct file *f;
	int error = 0;

	if (fstat(fd, &st) != 0) {
		return -errno;
	}
	/* A file cut short was in the making when the disk filled up or the machine went down. */
	if (st.st_size < (off_t)LEDGER_SIZE) {
		error = make_file(fd);
	} else if (st.st_size > (off_t)LEDGER_SIZE) {
		error = -EBADMSG;
	}
	if (error != 0) {
		return error;
	}
	f = mmap(NULL, LEDGER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED) {
		return -errno;
	}
	if (memcmp(f->magic, LEDGER_MAGIC, sizeof(f->magic)) != 0 || f->version != LEDGER_VERSION) {
		munmap(f, LEDGER_SIZE);
		return -EBADMSG;
	}
	*ret = f;
	return 0;
}

int ledger_open(struct ledger **ret, const char *path)
{
	struct ledger *l = calloc(1, sizeof(*l));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = 0;

	if (l == NULL || fd < 0) {
		error = l == NULL ? -ENOMEM : -errno;
	} else {
		error = map_file(fd, &l->file);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (l == NULL || l->file == NULL) {
		free(l);
		return error;
	}
	for (unsigned i = 1; i < LOSS_COUNT; i++) {
		l->by_loss[i] = find_entry(l->file, loss_name(i));
	}
	*ret = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	if (l == NULL) {
		return;
	}
	atomic_store_explicit(&l->dirty, true, memory_order_relaxed); /* the progress may be */
	(void)!ledger_sync(l);
	munmap(l->file, LEDGER_SIZE);
	free(l);
}

void ledger_add(struct ledger *l, unsigned loss, int64_t now_us)
{
	ledger_add_many(l, loss, 1, now_us);
}

void ledger_add_many(struct ledger *l, unsigned loss, uint64_t count, int64_t now_us)
{
	struct entry *e = loss < LOSS_COUNT ? l->by_loss[loss] : NULL;
	uint64_t total;

	if (e == NULL) {
		return;
	}
	total = atomic_load_explicit(&e->total, memory_order_relaxed);
	if (total == atomic_load_explicit(&e->told, memory_order_relaxed)) {
		atomic_store_explicit(&e->first_us, now_us, memory_order_relaxed);
	}
	atomic_store_explicit(&e->last_us, now_us, memory_order_relaxed);
	atomic_fetch_add_explicit(&e->total, count, memory_order_release);
	atomic_store_explicit(&l->dirty, true, memory_order_release);
}

bool ledger_pending(const struct ledger *l, unsigned i, struct ledger_entry *ret)
{
	const struct entry *e = i < LOSS_COUNT ? l->by_loss[i] : NULL;
	uint64_t total, told;

	if (e == NULL) {
		return false;
	}
	total = atomic_load_explicit(&e->total, memory_order_acquire);
	told = atomic_load_explicit(&e->told, memory_order_relaxed);
	if (total <= told) {
		return false;
	}
	*ret = (struct ledger_entry){
		.reason = e->name,
		.total = total,
		.told = told,
		.first_us = atomic_load_explicit(&e->first_us, memory_order_relaxed),
		.last_us = atomic_load_explicit(&e->last_us, memory_order_relaxed),
	};
	return true;
}

void ledger_told(struct ledger *l, const char *reason, uint64_t total)
{
	for (unsigned i = 1; i < LOSS_COUNT; i++) {
		struct entry *e = l->by_loss[i];
		uint64_t told;

		if (e == NULL || strcmp(e->name, reason) != 0) {
			continue;
		}
		told = atomic_load_explicit(&e->told, memory_order_relaxed);
		if (total > atomic_load_explicit(&e->total, memory_order_relaxed)) {
			/* What was counted since the file was made comes on top. */
			atomic_fetch_add_explicit(&e->total, total - told, memory_order_relaxed);
		}
		atomic_store_explicit(&e->told, total, memory_order_relaxed);
		atomic_store_explicit(&l->dirty, true, memory_order_release);
	}
}

bool ledger_progress(const struct ledger *l, const uint8_t journal_id[static LEDGER_JOURNAL_ID_SIZE],
                     struct ledger_progress *ret)
{
	const struct file *f = l->file;

	if (memcmp(f->journal, journal_id, sizeof(f->journal)) != 0) {
		return false;
	}
	ret->stored = atomic_load_explicit(&f->stored, memory_order_relaxed);
	ret->sent = atomic_load_explicit(&f->sent, memory_order_relaxed);
	return true;
}

void ledger_note_progress(struct ledger *l, const uint8_t journal_id[static LEDGER_JOURNAL_ID_SIZE],
                          const struct ledger_progress *progress)
{
	struct file *f = l->file;

	atomic_store_explicit(&f->stored, progress->stored, memory_order_relaxed);
	atomic_store_explicit(&f->sent, progress->sent, memory_order_relaxed);
	if (memcmp(f->journal, journal_id, sizeof(f->journal)) != 0) {
		memcpy(f->journal, journal_id, sizeof(f->journal));
	}
}

int ledger_sync(struct ledger *l)
{
	if (!atomic_exchange_explicit(&l->dirty, false, memory_order_acquire)) {
		return 0;
	}
	if (msync(l->file, LEDGER_SIZE, MS_SYNC) != 0) {
		atomic_store_explicit(&l->dirty, true, memory_order_relaxed);
		return -errno;
	}
	return 0;
}
