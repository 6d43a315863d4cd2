"""Stories of PyPI stomp-py (`WSConnection`); prints what one of them saw as one line of JSON."""

import json
import queue
import sys

import stomp

PATIENCE = 20


class Heard(stomp.ConnectionListener):
    """What came, by kind: frames in the order in which they came."""

    def __init__(self):
        kinds = "connected message receipt error disconnected heartbeat heartbeat_timeout"
        self.came = {kind: queue.Queue() for kind in kinds.split()}

    def next(self, kind, count=None):
        """The next one of this kind, or so many."""
        if count is not None:
            return [self.next(kind) for _ in range(count)]
        try:
            return self.came[kind].get(timeout=PATIENCE)
        except queue.Empty:
            left = {kind: [str(item) for item in came.queue] for kind, came in self.came.items()}
            raise AssertionError(f"no {kind} came, but {left}") from None

    def has(self, kind):
        return not self.came[kind].empty()

    def on_connected(self, frame):
        self.came["connected"].put(frame)

    def on_message(self, frame):
        self.came["message"].put(frame)

    def on_receipt(self, frame):
        self.came["receipt"].put(frame)

    def on_error(self, frame):
        self.came["error"].put(frame)

    def on_disconnected(self):
        self.came["disconnected"].put(None)

    def on_heartbeat(self):
        self.came["heartbeat"].put(None)

    def on_heartbeat_timeout(self):
        self.came["heartbeat_timeout"].put(None)


class Client:
    def __init__(self, options, login=None, passcode=None, headers=None, **more):
        self.heard = Heard()
        host, port = options["authority"].split(":")
        more.setdefault("vhost", options["host"])
        self.connection = stomp.WSConnection([(host, int(port))], ws_path=options["path"], reconnect_attempts_max=1, **more)
        self.connection.set_listener("heard", self.heard)
        login, passcode = login or options["login"], passcode or options["passcode"]
        self.connection.connect(login, passcode, headers=headers or {})
        self.receipts = 0

    @classmethod
    def open(cls, options, **more):
        client = cls(options, **more)
        client.connected = client.heard.next("connected").headers
        return client

    def asked(self):
        self.receipts += 1
        return f"receipt {self.receipts}"

    def subscribe(self, destination, number, **more):
        self.connection.subscribe(destination, number, receipt=self.asked(), **more)
        return self.heard.next("receipt").headers

    def sure(self, destination, body, **more):
        self.connection.send(destination, body, receipt=self.asked(), **more)
        return self.heard.next("receipt").headers

    def leave(self):
        self.connection.disconnect()
        self.heard.next("disconnected")


def connects(options):
    client = Client.open(options)
    connected = dict(client.connected)
    client.leave()
    return {"version": connected["version"], "user": connected.get("user-name"), "errors": client.heard.has("error")}


def is_refused(options):
    client = Client(options, login="somebody", passcode="wrong")
    error = client.heard.next("error")
    client.heard.next("disconnected")
    return {"message": error.headers["message"], "body": error.body}


def talks(options):
    one, two = Client.open(options), Client.open(options)
    room = options["room"]
    one.subscribe(room, "a:1")
    two.subscribe(room, 2)
    bodies = ["a", "é😀\u2028\u0001", "line\nline\r\n", '{"a": 1e3}', "", "x" * 100_000]
    for body in bodies:
        one.sure(room, body, **{"x-own": "a:b\nc", "x-wide": "é"})
    seen = []
    for client in (one, two):
        messages = client.heard.next("message", len(bodies))
        assert [message.body for message in messages] == bodies, [message.body for message in messages]
        seen.append([messages[0].headers[name] for name in ("subscription", "destination", "x-own", "x-wide")])
    one.connection.unsubscribe("a:1", receipt="left")
    left = one.heard.next("receipt").headers["receipt-id"]
    two.sure(room, "behind")
    is_heard = two.heard.next("message").body
    one.leave()
    two.leave()
    return {"seen": seen, "left": left, "heard": is_heard, "late": one.heard.has("message")}


def is_large(options):
    client = Client.open(options)
    client.subscribe(options["room"], 1)
    body = "€" * ((1 << 20) // 3)
    client.sure(options["room"], body)
    same = client.heard.next("message").body == body
    client.connection.send(options["room"], "x" * ((1 << 20) + 1))
    error = client.heard.next("error")
    client.heard.next("disconnected")
    return {"same": same, "message": error.headers["message"]}


def is_binary(options):
    client = Client.open(options, binary_mode=True, auto_decode=False)
    client.subscribe(options["room"], 1)
    client.sure(options["room"], bytes(range(256)), content_type="application/octet-stream")
    message = client.heard.next("message")
    client.leave()
    return {"same": message.body == bytes(range(256)), "type": message.headers["content-type"]}


def queues(options):
    one, two = Client.open(options), Client.open(options)
    name = options["queue"]
    for number in range(4):
        one.sure(name, str(number))
    one.subscribe(name, 1, ack="client-individual", headers={"prefetch-count": "2"})
    first, second = one.heard.next("message", 2)
    one.connection.ack(first.headers["ack"], receipt="done")
    one.heard.next("receipt")
    third = one.heard.next("message")
    two.subscribe(name, 1, ack="client-individual")
    others = [two.heard.next("message").body]
    one.connection.nack(second.headers["ack"], requeue="false")
    # What it has not settled comes to the other.
    one.leave()
    again = two.heard.next("message")
    two.connection.ack(again.headers["ack"])
    two.leave()
    return {
        "first": [message.body for message in (first, second, third)],
        "others": others,
        "again": [again.body, again.headers["redelivered"]],
    }


def transactions(options):
    client = Client.open(options)
    client.subscribe(options["room"], 1)
    for name, end in (("kept", client.connection.commit), ("dropped", client.connection.abort)):
        client.connection.begin(transaction=name)
        for number in range(2):
            client.connection.send(options["room"], f"{name} {number}", transaction=name)
        client.sure(options["room"], f"outside {name}")
        end(name)
    client.sure(options["room"], "the last")
    bodies = [message.body for message in client.heard.next("message", 5)]
    client.leave()
    return {"bodies": bodies}


def calls(options):
    client = Client.open(options)
    client.subscribe("/user/queue/errors", 1)
    client.connection.send("/app/add", '{"a":2,"b":3}', headers={"reply-to": "/temp-queue/mine", "correlation-id": "7"})
    answer = client.heard.next("message")
    client.connection.send("/app/refuse", '"no"', receipt="r")
    error = client.heard.next("message")
    is_done = client.heard.has("receipt")
    client.leave()
    return {
        "answer": [answer.body, answer.headers["correlation-id"], answer.headers["subscription"]],
        "error": [json.loads(error.body)["message"], error.headers["receipt-id"]],
        "receipt": is_done,
    }


def beats(options):
    client = Client.open(options, heartbeats=(1000, 1000))
    client.heard.next("heartbeat", 3)
    client.subscribe(options["room"], 1)
    client.sure(options["room"], "still here")
    body = client.heard.next("message").body
    lost = client.heard.has("heartbeat_timeout")
    client.leave()
    return {"agreed": client.connected["heart-beat"], "body": body, "lost": lost}


def main():
    options = json.loads(sys.argv[1])
    print(json.dumps(globals()[options["story"]](options)), flush=True)


main()
