"""A client of WebSockets over HTTP/2 (RFC 8441) made of other people's parts: PyPI h2 below, PyPI wsproto above.

It reads when it is asked to wait for something, and fails after PATIENCE without a byte.
"""

import socket
from collections.abc import Callable, Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, TextMessage
from wsproto.events import Event as FrameEvent
from wsproto.extensions import Extension

# Seconds.
PATIENCE = 10


class Connection:
    """An HTTP/2 connection with prior knowledge; a context manager."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.authority = "{}:{}".format(*address)
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.settings: dict[int, int] | None = None
        self.ended: ConnectionTerminated | None = None
        self._streams: dict[int, Stream] = {}
        self._socket = socket.create_connection(address, PATIENCE)
        self.h2.initiate_connection()
        self.flush()
        # A client must not send `:protocol` before it has seen that the server knows it (RFC 8441, section 3).
        self.wait(lambda: self.settings is not None)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, headers: list[tuple[str, str]], *, end: bool = False) -> "Stream":
        """Sends these headers on a stream of their own, and waits for the answer."""
        stream = Stream(self, self.h2.get_next_available_stream_id())
        self._streams[stream.id] = stream
        self.h2.send_headers(stream.id, headers, end_stream=end)
        self.flush()
        self.wait(lambda: stream.headers is not None or stream.reset is not None)
        return stream

    def connect(self, path: str, *more: tuple[str, str], protocol: str = "websocket", version: str = "13") -> "Stream":
        """An extended CONNECT, as RFC 8441 has it."""
        return self.request([
            (":method", "CONNECT"),
            (":protocol", protocol),
            (":scheme", "http"),
            (":path", path),
            (":authority", self.authority),
            ("sec-websocket-version", version),
            *more,
        ])

    def open(self, path: str, *extensions: Extension) -> "WebSocket":
        """A WebSocket, with those of the extensions that the server takes."""
        offers = [("sec-websocket-extensions", f"{extension.name}; {extension.offer()}") for extension in extensions]
        stream = self.connect(path, *offers)
        assert stream.status == 200, (stream.status, stream.body)
        accepted = stream.headers.get("sec-websocket-extensions", "")
        for extension in extensions:
            if accepted.startswith(extension.name):
                extension.finalize(accepted)
        return WebSocket(stream, extensions)

    def wait(self, holds: Callable[[], bool]) -> None:
        """Reads until this holds."""
        while not holds():
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError(f"the server has closed the connection: {self.ended}")
            for event in self.h2.receive_data(data):
                self._take(event)
            self.flush()

    def flush(self) -> None:
        self._socket.sendall(self.h2.data_to_send())

    def _take(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged(changed_settings=changed):
                self.settings = {code: setting.new_value for code, setting in changed.items()}
            case ConnectionTerminated():
                self.ended = event
            case _ if (stream := self._streams.get(getattr(event, "stream_id", None))) is not None:
                stream.take(event)

    @property
    def offers_connect(self) -> bool:
        return self.settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1


class Stream:
    """One request, its answer and what follows."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self.connection = connection
        self.id = stream_id
        self.headers: dict[str, str] | None = None
        self.body = b""
        self.ended = False
        self.reset: int | None = None

    def take(self, event: Event) -> None:
        match event:
            case ResponseReceived(headers=headers):
                self.headers = dict(headers)
            case DataReceived(data=data, flow_controlled_length=length):
                self.body += data
                self.connection.h2.acknowledge_received_data(length, self.id)
            case StreamEnded():
                self.ended = True
            case StreamReset(error_code=code):
                self.reset = int(code)

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    def whole(self) -> bytes:
        """The rest of the answer too."""
        self.connection.wait(lambda: self.ended)
        return self.body

    def send(self, data: bytes) -> None:
        """Sends, as much at a time as both windows allow."""
        h2 = self.connection.h2
        while data:
            self.connection.wait(lambda: h2.local_flow_control_window(self.id) > 0)
            size = min(len(data), h2.local_flow_control_window(self.id), h2.max_outbound_frame_size)
            h2.send_data(self.id, data[:size])
            self.connection.flush()
            data = data[size:]

    def end(self) -> None:
        self.connection.h2.end_stream(self.id)
        self.connection.flush()

    def cancel(self, code: int) -> None:
        self.connection.h2.reset_stream(self.id, code)
        self.connection.flush()


class WebSocket:
    """A stream that has become a WebSocket."""

    def __init__(self, stream: Stream, extensions: Sequence[Extension]) -> None:
        self.stream = stream
        # Bytes of frames, their headers included.
        self.received = 0
        self._frames = Frames(ConnectionType.CLIENT, list(extensions))

    def send(self, event: FrameEvent) -> None:
        self.stream.send(self._frames.send(event))

    def send_raw(self, data: bytes) -> None:
        """Bytes that are no frame of wsproto's."""
        self.stream.send(data)

    def event(self) -> FrameEvent:
        """The next event: a message (or the part of it that has come), a ping, a pong, a close."""
        events = self._frames.events()
        while True:
            for event in events:
                return event
            self.stream.connection.wait(lambda: self.stream.body != b"")
            self.received += len(self.stream.body)
            self._frames.receive_data(self.stream.body)
            self.stream.body = b""
            events = self._frames.events()

    def message(self) -> str | bytes:
        """The next message, whole."""
        parts = []
        while True:
            event = self.event()
            assert isinstance(event, TextMessage | BytesMessage), event
            parts.append(event.data)
            if event.message_finished:
                return type(event.data)().join(parts)
