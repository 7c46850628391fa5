#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_CONNACK  0x20
#define PACKET_PUBLISH  0x30
#define PACKET_PUBACK   0x40
#define PACKET_SUBACK   0x90
#define PACKET_PINGRESP 0xd0

static void put(struct link *l, const void *bytes, size_t length)
{
	memcpy(l->out + l->out_end, bytes, length);
	l->out_end += length;
}

static void put_byte(struct link *l, unsigned value)
{
	l->out[l->out_end++] = (uint8_t)value;
}

static void put_u16(struct link *l, unsigned value)
{
	put_byte(l, value >> 8);
	put_byte(l, value & 0xff);
}

static void put_text(struct link *l, const char *text)
{
	size_t length = strlen(text);

	put_u16(l, (unsigned)length);
	put(l, text, length);
}

static void put_length(struct link *l, size_t length)
{
	do {
		put_byte(l, (unsigned)(length & 0x7f) | (length > 0x7f ? 0x80 : 0));
		length >>= 7;
	} while (length > 0);
}

/* Length of the packet at the start of in and its header's, or 0 while it is not whole. */
static size_t packet_length(const struct link *l, size_t first, size_t *ret_header)
{
	size_t length = 0;

	for (size_t i = 1; i < 5 && first + i < l->in_end; i++) {
		length |= (size_t)(l->in[first + i] & 0x7f) << (7 * (i - 1));
		if ((l->in[first + i] & 0x80) == 0) {
			*ret_header = i + 1;
			return first + i + 1 + length <= l->in_end ? i + 1 + length : 0;
		}
	}
	return 0;
}

static void take_acknowledgement(struct link *l, unsigned id, const struct link_sink *sink)
{
	if (id == 0 || id > LINK_WINDOW_MAX || l->due_ns[id] == 0) {
		return;
	}
	if (sink->acknowledged != NULL) {
		sink->acknowledged(sink->context, l->due_ns[id]);
	}
	l->due_ns[id] = 0;
	l->in_flight--;
}

static void take_message(struct link *l, const uint8_t *packet, size_t header, size_t length,
                         const struct link_sink *sink)
{
	size_t topic = (size_t)packet[header] << 8 | packet[header + 1];
	size_t first = header + 2 + topic;
	const uint8_t acknowledgement[] = {PACKET_PUBACK, 2, packet[first], packet[first + 1]};

	if ((packet[0] & 0x06) != 0) {
		first += 2;
		put(l, acknowledgement, sizeof(acknowledgement));
	}
	if (sink->message != NULL) {
		sink->message(sink->context, (const char *)packet + first, length - first);
	}
}

static void take_packet(struct link *l, const uint8_t *packet, size_t header, size_t length,
                        const struct link_sink *sink)
{
	switch (packet[0] & 0xf0) {
	case PACKET_PUBACK:
		take_acknowledgement(l, (unsigned)packet[header] << 8 | packet[header + 1], sink);
		break;
	case PACKET_PUBLISH:
		take_message(l, packet, header, length, sink);
		break;
	case PACKET_PINGRESP:
		l->answered = true;
		break;
	default:
		break;
	}
}

static void take_packets(struct link *l, const struct link_sink *sink)
{
	size_t first = 0, header = 0, length;

	while ((length = packet_length(l, first, &header)) != 0) {
		take_packet(l, l->in + first, header, length, sink);
		first += length;
	}
	memmove(l->in, l->in + first, l->in_end - first);
	l->in_end -= first;
}

static int flush(struct link *l)
{
	while (l->out_first < l->out_end) {
		ssize_t sent = send(l->fd, l->out + l->out_first, l->out_end - l->out_first, MSG_NOSIGNAL);

		if (sent < 0) {
			l->wants_write = errno == EAGAIN;
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		}
		l->out_first += (size_t)sent;
	}
	l->out_first = l->out_end = 0;
	l->wants_write = false;
	return 0;
}

int link_serve(struct link *l, const struct link_sink *sink)
{
	int error = flush(l);
	ssize_t got;

	while (error == 0 && (got = recv(l->fd, l->in + l->in_end, LINK_BUFFER - l->in_end, 0)) != 0) {
		if (got < 0) {
			return errno == EAGAIN || errno == EINTR ? flush(l) : -errno;
		}
		l->in_end += (size_t)got;
		take_packets(l, sink);
	}
	return error != 0 ? error : -ECONNRESET;
}

bool link_ready(const struct link *l, int qos, size_t length)
{
	return (qos == 0 || l->in_flight < l->window) && l->out_end + length + 256 <= LINK_BUFFER;
}

static unsigned free_id(struct link *l)
{
	do {
		l->next_id = l->next_id % LINK_WINDOW_MAX + 1;
	} while (l->due_ns[l->next_id] != 0);
	return l->next_id;
}

void link_publish(struct link *l, const char *topic, const char *payload, size_t length, int qos,
                  int64_t due_ns)
{
	unsigned id;

	put_byte(l, PACKET_PUBLISH | (unsigned)qos << 1);
	put_length(l, 2 + strlen(topic) + (qos > 0 ? 2 : 0) + length);
	put_text(l, topic);
	if (qos > 0) {
		id = free_id(l);
		put_u16(l, id);
		l->due_ns[id] = due_ns;
		l->in_flight++;
	}
	put(l, payload, length);
}

void link_ping(struct link *l)
{
	l->answered = false;
	put_byte(l, 0xc0);
	put_byte(l, 0);
}

/* Sends what is queued and waits for a packet of this kind. */
static int converse(struct link *l, unsigned kind)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	size_t header, length;
	int error = flush(l);

	while (error == 0) {
		ssize_t got;

		if (poll(&p, 1, 5000) <= 0) {
			return -ETIMEDOUT;
		}
		got = recv(l->fd, l->in + l->in_end, LINK_BUFFER - l->in_end, 0);
		if (got <= 0) {
			return -ECONNRESET;
		}
		l->in_end += (size_t)got;
		length = packet_length(l, 0, &header);
		if (length > 0) {
			error = (l->in[0] & 0xf0) != kind || l->in[length - 1] >= 0x80 ? -EACCES : 0;
			l->in_end -= length;
			memmove(l->in, l->in + length, l->in_end);
			return error;
		}
	}
	return error;
}

static int connect_to(struct link *l, const char *host, uint16_t port, bool no_delay)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int yes = no_delay;

	if (inet_pton(AF_INET, host, &to.sin_addr) != 1) {
		return -EINVAL;
	}
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0) {
		return -errno;
	}
	return 0;
}

int link_open(struct link *l, const char *host, uint16_t port, const char *client_id, unsigned window,
              bool no_delay)
{
	int error;

	*l = (struct link){.fd = -1, .window = MIN(window, (unsigned)LINK_WINDOW_MAX)};
	l->out = malloc(LINK_BUFFER);
	l->in = malloc(LINK_BUFFER);
	if (l->out == NULL || l->in == NULL) {
		return -ENOMEM;
	}
	error = connect_to(l, host, port, no_delay);
	if (error != 0) {
		return error;
	}
	put_byte(l, 0x10);
	put_length(l, 10 + 2 + strlen(client_id));
	put_text(l, "MQTT");
	put_byte(l, 4);
	put_byte(l, 2); /* clean session */
	put_u16(l, 0);  /* no keep-alive */
	put_text(l, client_id);
	error = converse(l, PACKET_CONNACK);
	return error == 0 && fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0 ? -errno : error;
}

int link_wake_after(const struct link *l, unsigned acknowledgements)
{
	const int bytes = (int)MAX(4 * acknowledgements, 1u); /* a PUBACK has four */

	return setsockopt(l->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) != 0 ? -errno : 0;
}

int link_subscribe(struct link *l, const char *filter, int qos)
{
	put_byte(l, 0x82);
	put_length(l, 2 + 2 + strlen(filter) + 1);
	put_u16(l, 1);
	put_text(l, filter);
	put_byte(l, (unsigned)qos);
	return converse(l, PACKET_SUBACK);
}

void link_close(struct link *l)
{
	if (l->fd >= 0) {
		(void)close(l->fd);
	}
	free(l->out);
	free(l->in);
	*l = (struct link){.fd = -1};
}
