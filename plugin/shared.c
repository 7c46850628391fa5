#include "shared.h"

#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int shared_path(const char *state_dir, const char *name, char *path, size_t size)
{
	int length = snprintf(path, size, "%s/%s", state_dir, name);

	return length > 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}

int shared_init(struct shared *s)
{
	int error = -ENOMEM;

	*s = (struct shared){0};
	s->log = log_box_new();
	s->stats = calloc(1, sizeof(*s->stats));
	s->handover = calloc(1, sizeof(*s->handover));
	if (s->log != NULL && s->stats != NULL && s->handover != NULL) {
		error = handover_init(s->handover);
	}
	if (error != 0) {
		free(s->handover); /* it holds no descriptor yet */
		s->handover = NULL;
	}
	return error;
}

static int make_state_dir(struct shared *s, const char *path)
{
	int error;

	if (mkdir(path, 0700) == 0 || errno == EEXIST) {
		return 0;
	}
	error = -errno;
	log_post(
		s->log, LOG_LEVEL_ERROR,
		"plugin_opt_state_dir: cannot create %s (%s); create it, owned by the user that the broker runs as",
		path, strerror(-error));
	return error;
}

/* Some have none, some a level, silence and a rate: four a datastream on average is plenty. */
static uint32_t max_alarms(const struct shared_options *o)
{
	return (uint32_t)MIN((uint64_t)o->max_datastreams * 4, UINT32_MAX);
}

static int open_alarm_store(struct shared *s, const struct shared_options *o)
{
	char path[PATH_MAX];
	uint32_t damaged = 0;
	int error = shared_path(o->state_dir, "alarms", path, sizeof(path));

	if (error == 0) {
		error = alarm_store_open(&s->alarm_store, path, max_alarms(o), &damaged);
	}
	if (error == -EAGAIN) {
		log_post(
			s->log, LOG_LEVEL_ERROR,
			"alarm state: %s is in use by another broker; each broker needs a plugin_opt_state_dir of its own",
			path);
	} else if (error != 0) {
		log_post(
			s->log, LOG_LEVEL_ERROR,
			"alarm state: %s cannot be used (%s); if it is damaged, move it away and start again: open alarms are "
			"then raised anew by the next reading",
			path, strerror(-error));
	} else if (damaged > 0) {
		log_post(s->log, LOG_LEVEL_WARNING,
		         "alarm state: %" PRIu32 " entries of %s are damaged and left out", damaged, path);
	}
	return error;
}

/* A convenience: without it readings are judged all the same. */
static int open_qc_store(struct shared *s, const struct shared_options *o)
{
	char path[PATH_MAX];
	struct qc_store_report report = {0};
	int error = shared_path(o->state_dir, "quality", path, sizeof(path));

	if (error == 0) {
		error = qc_store_open(&s->qc_store, path, o->max_datastreams, &report);
	}
	if (error == -EAGAIN) {
		log_post(
			s->log, LOG_LEVEL_ERROR,
			"quality control: %s is in use by another broker; each broker needs a plugin_opt_state_dir of its own",
			path);
		return error;
	}
	if (error != 0) {
		log_post(
			s->log, LOG_LEVEL_WARNING,
			"quality control: %s cannot be used (%s); readings are judged, but what came before the next "
			"restart will be forgotten then; see that the directory can be written and has room",
			path, strerror(-error));
	} else if (report.discarded) {
		log_post(
			s->log, LOG_LEVEL_WARNING,
			"quality control: %s was damaged or of another version and is begun anew: tests that look "
			"back do so from now on",
			path);
	} else if (report.damaged > 0) {
		log_post(s->log, LOG_LEVEL_WARNING,
		         "quality control: %" PRIu32
		         " entries of %s are damaged and left out: the tests of these "
		         "datastreams look back from now on",
		         report.damaged, path);
	}
	return 0;
}

static int open_ledger(struct shared *s, const struct shared_options *o)
{
	char path[PATH_MAX];
	int error = shared_path(o->state_dir, "ledger", path, sizeof(path));

	if (error == 0) {
		error = ledger_open(&s->ledger, path);
	}
	if (error != 0) {
		log_post(
			s->log, LOG_LEVEL_ERROR,
			"ledger of losses: %s cannot be used (%s); if it is damaged, move it away and start again: what has "
			"been stored of it stays in highwater.loss",
			path, strerror(-error));
	}
	return error;
}

static int open_journal(struct shared *s, const struct shared_options *o)
{
	char directory[PATH_MAX];
	struct journal_report report = {0};
	const struct journal_options options = {
		.directory = directory,
		.max_size = o->journal_max_size,
		.segment_size = o->journal_segment_size,
		.on_damage = o->journal_on_damage,
	};
	int error = shared_path(o->state_dir, "journal", directory, sizeof(directory));

	if (error == 0) {
		error = journal_open(&s->journal, &options, &report);
	}
	if (error != 0) {
		log_post(s->log, LOG_LEVEL_ERROR, "journal: %s",
		         report.message[0] != '\0' ? report.message : strerror(-error));
		return error;
	}
	if (report.message[0] != '\0') {
		log_post(s->log, LOG_LEVEL_WARNING, "journal: %s", report.message);
	}
	if (report.missing_bytes > 0) {
		ledger_add_many(s->ledger, LOSS_JOURNAL_DAMAGED_AT_MOST,
		                report.missing_bytes / LEDGER_READING_BYTES, clock_realtime_us());
	}
	log_post(s->log, LOG_LEVEL_INFO, "journal: %" PRIu64 " records from before in %" PRIu64 " segments%s",
	         report.records, report.segments,
	         report.tail_torn ? ", the last one unfinished (left out: it was never acknowledged)" : "");
	return 0;
}

int shared_open(struct shared *s, const struct shared_options *options)
{
	int error = make_state_dir(s, options->state_dir);

	if (error == 0) {
		error = open_alarm_store(s, options);
	}
	if (error == 0) {
		error = open_qc_store(s, options);
	}
	if (error == 0) {
		error = open_ledger(s, options);
	}
	return error == 0 ? open_journal(s, options) : error;
}

void shared_close(struct shared *s)
{
	journal_close(s->journal);
	alarm_store_close(s->alarm_store);
	qc_store_close(s->qc_store);
	ledger_close(s->ledger);
	*s = (struct shared){.handover = s->handover, .stats = s->stats, .log = s->log};
}

void shared_done(struct shared *s)
{
	if (s->handover != NULL) {
		handover_done(s->handover);
	}
	free(s->handover);
	free(s->stats);
	log_box_free(s->log);
	*s = (struct shared){0};
}
