"""One publisher's MQTT connection, non-blocking, of which every acknowledgement is told.

The system tests' packets are used. Receive maximum and max_inflight_messages of Mosquitto are 20, so nobody
has more than that under way.
"""

import socket
import struct

from mqtt import packet, text

WINDOW = 20
CONNACK, PUBACK, PUBREC, PUBCOMP = 0x20, 0x40, 0x50, 0x70
FAILED = 0x80  # reason codes from here on (MQTT 5, 2.4)


def parse(buffer):
    """[(kind, body)] of the whole packets; they are taken out of buffer."""
    packets, at = [], 0
    while True:
        length, shift, place = 0, 0, at + 1
        while place < len(buffer):
            length |= (buffer[place] & 0x7F) << shift
            shift += 7
            place += 1
            if buffer[place - 1] < 0x80:
                break
        else:
            break
        if len(buffer) < place + length:
            break
        packets.append((buffer[at], bytes(buffer[place:place + length])))
        at = place + length
    del buffer[:at]
    return packets


class Session:
    def __init__(self, port, client_id, version, clean):
        self.version = version
        self.received, self.unsent = bytearray(), bytearray()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=2)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.ready = False
        body = text("MQTT") + bytes([version, 0x02 if clean else 0]) + struct.pack("!H", 60)
        if version == 5:
            body += b"\0" if clean else b"\x05\x11" + struct.pack("!I", 3600)
        self.send(packet(0x10, body + text(client_id)))

    def fileno(self):
        return self.socket.fileno()

    def publish(self, topic, payload, qos, packet_id, again=False):
        body = struct.pack("!H", len(topic)) + topic
        if qos:
            body += struct.pack("!H", packet_id)
        if self.version == 5:
            body += b"\0"
        self.send(packet(0x30 | qos << 1 | (8 if again else 0), body + payload))

    def release(self, packet_id):
        self.send(packet(0x62, struct.pack("!H", packet_id)))

    def send(self, data):
        self.unsent += data
        self.flush()

    def flush(self):
        while self.unsent:
            try:
                sent = self.socket.send(self.unsent)
            except BlockingIOError:
                return
            del self.unsent[:sent]

    def read(self):
        """[(kind, body)] that have arrived; ConnectionError when the broker has closed."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionError("closed by the broker")
        self.received += data
        return parse(self.received)

    def close(self):
        """Without DISCONNECT, as when a link breaks."""
        self.socket.close()


def acknowledgement(body):
    """(packet id, reason code) of PUBACK, PUBREC and PUBCOMP."""
    return struct.unpack("!H", body[:2])[0], body[2] if len(body) > 2 else 0
