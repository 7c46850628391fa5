#include "ingest_private.h"

#include "broker.h"
#include "record.h"

#include <errno.h>
#include <stdio.h>

void ingest_reject(struct route *r, enum reject reason, const char *property, const char *detail)
{
	struct ingest *in = r->in;
	uint8_t body[RECORD_BODY_MAX];
	char text[DEAD_LETTER_DETAIL_MAX + 1];
	struct dead_letter letter = {
		.topic = r->message->topic,
		.client = broker_client_id(r->message->client),
		.detail = text,
		.payload = r->message->payload,
		.payload_kept = (uint32_t)MIN(r->message->length, (size_t)DEAD_LETTER_PAYLOAD_MAX),
		.payload_length = (uint32_t)r->message->length,
		.received_us = r->now_us,
		.reason = reason,
	};
	uint64_t position;
	size_t length;

	r->rejected++;
	stats_reject(in->shared.stats, reason);
	ledger_add(in->shared.ledger, reason, r->now_us);
	snprintf(text, sizeof(text), "%s%s%s", property != NULL ? property : "", property != NULL ? ": " : "",
	         detail);
	length = record_encode_dead_letter(&letter, body);
	if (journal_append(in->shared.journal, RECORD_DEAD_LETTER, JOURNAL_EXPENDABLE, body, length,
	                   &position) != 0) {
		stats_add(in->shared.stats, STATS_DEAD_LETTERS_DROPPED, 1);
	}
	if (announce_dead_letter(&in->announce, &letter) != 0) {
		stats_add(in->shared.stats, STATS_DEAD_LETTERS_DROPPED, 1);
	}
}

/* What to do so that readings are taken again. */
static const char *refusal_remedy(int error)
{
	switch (error) {
	case -EDQUOT:
		return "see that PostgreSQL can be reached, or raise journal.max_size";
	case -ENOMEM:
		return "give the broker more memory, or lower max_datastreams";
	case -EBUSY:
		return "the next segment is not ready yet: is the disk slow? A larger journal.segment_size helps";
	case -ENOSPC:
		return "make room on the disk of the state directory";
	default:
		return "check the disk of the state directory";
	}
}

void ingest_refuse(struct route *r, int error)
{
	struct ingest *in = r->in;

	r->refused = true;
	stats_add(in->shared.stats, STATS_READINGS_UNJOURNALLED, 1);
	if (r->message->qos == 0) {
		stats_add(in->shared.stats, STATS_READINGS_LOST, 1);
		ledger_add(in->shared.ledger, error == -ENOMEM ? LOSS_OUT_OF_MEMORY : LOSS_JOURNAL_FULL,
		           r->now_us);
	}
	if (in->refusing) {
		return;
	}
	in->refusing = true;
	log_post(
		in->shared.log, LOG_LEVEL_ERROR,
		"journal: %s: readings are refused from now on (QoS 1 and 2 clients have to send again, QoS 0 is lost "
		"and counted); alerts go on; %s",
		error == -EDQUOT ? "journal.max_size is reached" : strerror(-error), refusal_remedy(error));
}

void ingest_accepted(struct ingest *in)
{
	if (in->refusing) {
		in->refusing = false;
		log_post(in->shared.log, LOG_LEVEL_NOTICE,
		         "journal: there is room again, readings are taken");
	}
}
