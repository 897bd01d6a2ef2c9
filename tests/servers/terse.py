"""A terse MyChat server: `terse.py PORT`. It ends lines with CR LF, sorts its lists, sends no echo, and hangs up at
every mistake without a word. All of that is allowed."""
import selectors, socket, sys

LIMIT = 1024
selector = selectors.DefaultSelector()
users = {}


class Peer:
    def __init__(self, conn):
        self.conn, self.name, self.inbox, self.outbox, self.last = conn, None, b"", b"", False

    def push(self, text):
        self.outbox += text.encode() + b"\r\n"
        if len(self.outbox) > 8 << 20:
            self.close()
        else:
            self.flush()

    def flush(self):
        try:
            while self.outbox and self.conn.fileno() >= 0:
                self.outbox = self.outbox[self.conn.send(self.outbox) :]
        except BlockingIOError:
            pass
        except OSError:
            return self.close()
        if self.conn.fileno() >= 0:
            if self.last and not self.outbox:
                return self.close()
            selector.modify(self.conn, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outbox else 0), self)

    def close(self):
        if self.conn.fileno() < 0:
            return
        selector.unregister(self.conn)
        self.conn.close()
        if users.get(self.name) is self:
            del users[self.name]
            lists()

    def read(self):
        try:
            chunk = self.conn.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            return self.close()
        self.inbox += chunk
        while b"\n" in self.inbox and self.conn.fileno() >= 0:
            line, self.inbox = self.inbox.split(b"\n", 1)
            if not self.handle(line.removesuffix(b"\r")):
                return self.close()
        if len(self.inbox) > LIMIT:
            self.close()

    def handle(self, line):
        text = line.decode("utf-8", "strict") if len(line) <= LIMIT - 1 and is_text(line) else ""
        command, _, rest = text.partition("|")
        if command == "CONNECT" and self.name is None:
            if rest in users or not rest.isprintable() or not rest.strip() == rest or not 0 < len(rest.encode()) <= 64 or set(rest) & set(",|"):
                self.push("CONNECT_ACK|FAIL")
                return False
            self.name = rest
            users[rest] = self
            self.push("CONNECT_ACK|OK")
            lists()
            return True
        if command == "BROADCAST" and self.name and rest:
            return self.forward([peer for peer in users.values() if peer is not self], f"BROADCAST|{self.name}|{rest}")
        to, _, content = rest.partition("|")
        if command == "MESSAGE" and self.name and content:
            if to in users:
                return self.forward([users[to]], f"MESSAGE|{self.name}|{content}")
            self.push("ERROR|404|unknown")
            return True
        return False

    def forward(self, peers, frame):
        if len(frame.encode()) > LIMIT:
            return False
        for peer in peers:
            peer.push(frame)
        return True


def is_text(line):
    try:
        line.decode()
        return True
    except UnicodeDecodeError:
        return False


def lists():
    for peer in list(users.values()):
        peer.push("USER_LIST|" + ",".join(sorted(users)))


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ)
while True:
    for key, events in selector.select():
        if key.data is None:
            conn, _ = listener.accept()
            conn.setblocking(False)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(conn, selectors.EVENT_READ, Peer(conn))
        elif key.fileobj.fileno() >= 0:
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ and key.fileobj.fileno() >= 0:
                key.data.read()
