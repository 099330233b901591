"""A false OAK: just enough of XLink over TCP on loopback that the real depthai library connects to it.

It acknowledges everything, keeps what it is sent by stream, answers remote calls by a function, and can send
packets back. It listens on 127.0.0.1 only: TCP 11490 for XLink, UDP 11491 for being looked for.
"""
import socket
import struct
import threading

import msgpack

TCP_PORT, UDP_PORT = 11490, 11491
# id, type, stream name, time (3 numbers), stream id, size, flags
EVENT = struct.Struct("<ii52s3IIII")
# Requests; the answer to request n is 8 + n.
WRITE, READ, READ_RELEASE, CREATE, CLOSE, PING, RESET = range(7)
RELEASE_SPECIFIC, RELEASE_SPECIFIC_ANSWER = 23, 24
ANSWER = 8
ACKNOWLEDGED = 1
DEVICE_ID = b"FALSEOAK000000000000"
BUFFER_BYTES = 5 << 20


class FalseOak:
    """`answer(hash, arguments)` gives the result of a remote call."""

    def __init__(self, answer):
        self.answer = answer
        self.packets = {}
        self.calls = []
        self.changed = threading.Condition()
        self._names, self._ids = {}, {}
        self._event_id = 1 << 24
        self._send_lock = threading.Lock()
        self._connection = None

    def start(self):
        """Begins to listen; returns when a host can connect."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", TCP_PORT))
        listener.listen(4)
        beacon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        beacon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        beacon.bind(("127.0.0.1", UDP_PORT))
        threading.Thread(target=self._answer_searches, args=(beacon,), daemon=True).start()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def wait_for(self, ready, seconds=30):
        """Waits until `ready()` is true; tells whether it is."""
        with self.changed:
            return self.changed.wait_for(ready, seconds)

    def received(self, stream):
        """All bytes that came on a stream."""
        return b"".join(self.packets.get(stream, []))

    def send(self, stream, packet):
        """Sends a packet from the device to the host."""
        self._event(WRITE, stream_id=self._ids[stream], size=len(packet), data=packet, name=stream.encode())

    def _answer_searches(self, beacon):
        booted = 1
        while True:
            data, host = beacon.recvfrom(256)
            command = struct.unpack_from("<I", data)[0]
            if command == 1:
                beacon.sendto(struct.pack("<I32sI", 1, DEVICE_ID, booted), host)
            elif command == 4:
                tcp, gate = 4, 2
                beacon.sendto(struct.pack("<I32sIIIHH", 4, DEVICE_ID, booted, tcp, gate, 0, 0), host)

    def _accept(self, listener):
        while True:
            self._connection, _ = listener.accept()
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._names, self._ids = {}, {}
            try:
                while self._one_event():
                    pass
            except OSError:
                pass

    def _read(self, count):
        parts = bytearray()
        while len(parts) < count:
            part = self._connection.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise ConnectionError("the host is gone")
            parts += part
        return bytes(parts)

    def _event(self, kind, event_id=None, name=b"", stream_id=0, size=0, flags=0, data=b""):
        with self._send_lock:
            if event_id is None:
                self._event_id += 1
                event_id = self._event_id
            self._connection.sendall(EVENT.pack(event_id, kind, name, 0, 0, 0, stream_id, size, flags) + data)

    def _one_event(self):
        event_id, kind, name, *_, stream_id, size, _flags = EVENT.unpack(self._read(EVENT.size))
        name = name.split(b"\0")[0]
        answer = {"event_id": event_id, "name": name, "stream_id": stream_id, "flags": ACKNOWLEDGED}
        if kind == PING:
            self._event(ANSWER + PING, **answer)
        elif kind == CREATE:
            self._names[stream_id] = name.decode()
            self._ids.setdefault(name.decode(), stream_id)
            self._event(ANSWER + CREATE, size=size, **answer)
            # The device opens the stream in the other direction.
            self._event(CREATE, name=name, stream_id=stream_id, size=BUFFER_BYTES)
        elif kind == WRITE:
            data = self._read(size)
            self._event(ANSWER + WRITE, size=size, **answer)
            self._event(READ_RELEASE, name=name, stream_id=stream_id, size=size)
            self._keep(self._names.get(stream_id, "?"), data)
        elif kind == READ_RELEASE:
            self._event(ANSWER + READ_RELEASE, size=size, **answer)
        elif kind == RELEASE_SPECIFIC:
            self._event(RELEASE_SPECIFIC_ANSWER, size=size, **answer)
        elif kind == CLOSE:
            self._event(ANSWER + CLOSE, **answer)
        elif kind == RESET:
            self._event(ANSWER + RESET, **answer)
            return False
        return True

    def _keep(self, stream, data):
        if stream == "__rpc_main":
            _version, _call, function, arguments = msgpack.unpackb(data, raw=False, strict_map_key=False)
            result = self.answer(function, arguments)
            self.send(stream, msgpack.packb([1, 2, 1, result]))
            with self.changed:
                self.calls.append((function, arguments))
                self.changed.notify_all()
            return
        with self.changed:
            self.packets.setdefault(stream, []).append(data)
            self.changed.notify_all()
