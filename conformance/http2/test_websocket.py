"""PyPI h2 and wsproto talk WebSocket over HTTP/2 (RFC 8441) with the server, prior knowledge, without TLS.

`/raw/{room}` sends back what is said in the room, so that a client that is alone there sees an echo.
"""

import json
import sys
import time
import unittest

from client import PATIENCE, Connection
from h2.errors import ErrorCodes
from server import Server
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

# A message of more than both default windows of HTTP/2 (65,535 bytes), below the server's limit.
LONG = 700_000


class OverHttp2(unittest.TestCase):
    """Each story has a connection of its own to one server."""

    config = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(Server(cls.config))

    def connect(self) -> Connection:
        return self.enterContext(Connection(self.server.address))

    def test_opens_without_the_key_of_http_1(self) -> None:
        connection = self.connect()
        self.assertTrue(connection.offers_connect, "SETTINGS_ENABLE_CONNECT_PROTOCOL")
        stream = connection.connect("/raw/opens")
        self.assertEqual(stream.status, 200)
        for header in ["sec-websocket-accept", "upgrade", "connection", "sec-websocket-extensions"]:
            self.assertNotIn(header, stream.headers)
        self.assertFalse(stream.ended)

    def test_echoes_text_and_bytes(self) -> None:
        socket = self.connect().open("/raw/echo")
        for said in ["", "hi", "לובי 🦀", b"", b"\x00\xff" * 100]:
            socket.send(Message(said))
            self.assertEqual(socket.message(), said)

    def test_a_long_message_goes_through_the_windows(self) -> None:
        socket = self.connect().open("/raw/long")
        said = "0123456789" * (LONG // 10)
        socket.send(Message(said))
        self.assertEqual(socket.message(), said)
        # And the windows are open again after it.
        socket.send(Message(said[::-1]))
        self.assertEqual(socket.message(), said[::-1])

    def test_fragments_and_control_frames_between_them(self) -> None:
        socket = self.connect().open("/raw/fragments")
        socket.send(TextMessage("one, ", message_finished=False))
        socket.send(Ping(b"between"))
        self.assertEqual(socket.event(), Pong(b"between"))
        socket.send(TextMessage("two", message_finished=True))
        self.assertEqual(socket.message(), "one, two")

    def test_closes_in_order(self) -> None:
        socket = self.connect().open("/raw/closes")
        socket.send(CloseConnection(1000, "bye"))
        self.assertEqual(socket.event().code, 1000)
        # The server ends its half as TCP's FIN would (RFC 8441, section 5).
        socket.stream.connection.wait(lambda: socket.stream.ended or socket.stream.reset is not None)
        self.assertIn(socket.stream.reset, [None, ErrorCodes.NO_ERROR])

    def test_a_fault_is_told_before_the_end(self) -> None:
        for what, (code, frame) in {
            "an opcode that does not exist": (1002, b"\x83\x80\x00\x00\x00\x00"),
            "no mask": (1002, b"\x81\x01a"),
            "text that is not UTF-8": (1007, b"\x81\x81\x00\x00\x00\x00\xff"),
            "2^63 - 1 bytes to come": (1009, b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"),
        }.items():
            with self.subTest(what):
                socket = self.connect().open("/raw/faults")
                socket.send_raw(frame)
                event = socket.event()
                self.assertIsInstance(event, CloseConnection)
                self.assertEqual(event.code, code)

    def test_two_streams_of_one_connection_are_two_clients(self) -> None:
        connection = self.connect()
        ada, grace = connection.open("/raw/shared"), connection.open("/raw/shared")
        for speaker, said in [(ada, "from Ada"), (grace, b"from Grace")]:
            speaker.send(Message(said))
            self.assertEqual(ada.message(), said)
            self.assertEqual(grace.message(), said)

    def test_a_stream_that_is_reset_is_a_client_that_is_gone(self) -> None:
        connection = self.connect()
        watcher = Watcher(connection, "reset")
        gone, stays = connection.open("/raw/reset"), connection.open("/raw/reset")
        watcher.until_present(3)
        gone.stream.cancel(ErrorCodes.CANCEL)
        watcher.until_present(2)
        # And nobody else on the connection minds.
        stays.send(Message("still here"))
        self.assertEqual(stays.message(), "still here")

    def test_a_connection_that_is_lost_is_all_its_clients_gone(self) -> None:
        watcher = Watcher(self.connect(), "lost")
        with Connection(self.server.address) as connection:
            connection.open("/raw/lost")
            connection.open("/raw/lost")
            watcher.until_present(3)
        watcher.until_present(1)

    def test_one_half_that_ends_without_a_close_frame_is_the_end(self) -> None:
        connection = self.connect()
        watcher = Watcher(connection, "half")
        socket = connection.open("/raw/half")
        watcher.until_present(2)
        socket.stream.end()
        watcher.until_present(1)

    def test_other_requests_go_on_beside_it(self) -> None:
        connection = self.connect()
        socket = connection.open("/raw/beside")
        get = [(":method", "GET"), (":scheme", "http"), (":authority", connection.authority)]
        page = connection.request([*get, (":path", "/")], end=True)
        self.assertEqual(page.status, 200)
        self.assertIn(b"Everywire", page.whole())
        events = connection.request([*get, (":path", "/sse?room=beside")], end=True)
        self.assertEqual(events.headers["content-type"], "text/event-stream")
        socket.send(Message("for both"))
        self.assertEqual(socket.message(), "for both")
        connection.wait(lambda: b'"data":"for both"' in events.body)

    def test_what_is_wrong_has_a_status(self) -> None:
        connection = self.connect()
        for what, (status, ask) in {
            "another protocol": (501, lambda: connection.connect("/raw/a", protocol="webtransport")),
            "another version": (400, lambda: connection.connect("/raw/a", version="8")),
            "no such path": (404, lambda: connection.connect("/nothing")),
            "a foreign page": (403, lambda: connection.connect("/raw/a", ("origin", "https://evil.example"))),
            "no room": (400, lambda: connection.connect("/raw/$a")),
        }.items():
            with self.subTest(what):
                self.assertEqual(ask().status, status)
        # 426 asks for an upgrade, which HTTP/2 has not; the version to speak is told all the same.
        self.assertEqual(connection.connect("/raw/a", version="8").headers["sec-websocket-version"], "13")
        # A refusal is one stream's, not the connection's.
        socket = connection.open("/raw/after")
        socket.send(Message("fine"))
        self.assertEqual(socket.message(), "fine")


class Deflated(unittest.TestCase):
    """permessage-deflate, agreed on in the headers of the CONNECT."""

    def test_compressed_both_ways(self) -> None:
        for context in [True, False]:
            kept = str(not context).lower()
            config = (
                "[deflate]\nenabled = true\nthreshold = 1\n"
                f"server_no_context_takeover = {kept}\nclient_no_context_takeover = {kept}\n"
            )
            with self.subTest(context=context), Server(config) as server, Connection(server.address) as connection:
                deflate = PerMessageDeflate()
                socket = connection.open("/raw/deflated", deflate)
                self.assertTrue(deflate.enabled(), "the offer was taken")
                self.assertEqual(deflate.server_no_context_takeover, not context)
                for said in ["hello " * 1000, "hello " * 1000, "x", b"\x00" * 100_000]:
                    before = socket.received
                    socket.send(Message(said))
                    self.assertEqual(socket.message(), said)
                    self.assertLess(socket.received - before, 10 + len(said) // 10)


class Watcher:
    """A member of a room that counts who is there."""

    def __init__(self, connection: Connection, room: str) -> None:
        self._socket = connection.open("/ws")
        self._room = room
        self._call("subscribe", room)

    def until_present(self, count: int) -> None:
        """Asks until so many are there: what has happened on other streams is not told by itself."""
        deadline = time.monotonic() + PATIENCE
        while (present := self._call("presence", self._room)["count"]) != count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{present} are in the room, and {count} should be")

    def _call(self, method: str, *params: object) -> dict:
        self._socket.send(Message(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})))
        while "id" not in (answer := json.loads(self._socket.message())):
            pass
        return answer["result"]


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    # A test whose parts fail is one that failed.
    failed = len({getattr(test, "test_case", test) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(not result.wasSuccessful())
