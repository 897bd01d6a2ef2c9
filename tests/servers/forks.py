"""A MyChat server with a process a client: `forks.py PORT`. A child splits its client's bytes into lines and hands them to
the parent, which alone knows who is here; what the parent has for a client goes straight to that client's socket."""
import os, select, selectors, signal, socket, sys

LIMIT = 1024
selector = selectors.DefaultSelector()
users = {}


def child(conn, parent):
    """Lines from the client to the parent, one a packet; an empty packet is the end."""
    buffer = b""
    try:
        # The parent, who shares the socket, never waits in it: nor may this one.
        while len(buffer) <= 65536 and select.select([conn], [], []) and (chunk := conn.recv(4096)):
            buffer += chunk
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                # What is too long is known by its first bytes.
                parent.send(b"L" + line.removesuffix(b"\r")[: LIMIT + 1])
    except OSError:
        pass
    os._exit(0)


class Client:
    def __init__(self, conn, pipe):
        self.conn, self.pipe, self.name, self.out = conn, pipe, None, b""
        conn.setblocking(False)
        selector.register(pipe, selectors.EVENT_READ, self.lines)

    def push(self, text):
        self.out += text.encode() + b"\n"
        if len(self.out) > 4 << 20:
            return self.end()
        self.flush()

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.conn.send(self.out) :]
        except BlockingIOError:
            pass
        except OSError:
            self.out = b""
        if self.conn.fileno() < 0:
            return
        known = self.conn in selector.get_map()
        if self.out and not known:
            selector.register(self.conn, selectors.EVENT_WRITE, self.flush)
        elif not self.out and known:
            selector.unregister(self.conn)

    def lines(self):
        packet = self.pipe.recv(2048)
        if not packet or not self.handle(packet[1:]):
            self.end()

    def end(self):
        if self.conn.fileno() < 0:
            return
        selector.unregister(self.pipe)
        if self.conn in selector.get_map():
            selector.unregister(self.conn)
        try:
            self.conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.conn.close()
        self.pipe.close()
        if users.get(self.name) is self:
            del users[self.name]
            lists()

    def handle(self, line):
        try:
            text = line.decode() if len(line) <= LIMIT else None
        except UnicodeDecodeError:
            text = None
        command, _, rest = (text or "").partition("|")
        to, _, content = rest.partition("|")
        if text is not None and not text.strip():
            return True
        if command == "DISCONNECT" and not rest:
            return False
        if command == "CONNECT" and "|" in text:
            bad = self.name or rest in users or not rest or not rest.isprintable() or rest != rest.strip()
            if bad or "," in rest or "|" in rest or len(rest.encode()) > 64:
                self.push("CONNECT_ACK|FAIL")
            else:
                self.name = rest
                users[rest] = self
                self.push("CONNECT_ACK|OK")
                lists()
        elif self.name and command == "BROADCAST" and rest:
            self.forward(list(users.values()), f"BROADCAST|{self.name}|{rest}")
        elif self.name and command == "MESSAGE" and to and content:
            if to in users:
                self.forward([users[to]], f"MESSAGE|{self.name}|{content}")
            else:
                self.push("ERROR|404|nobody has that name")
        else:
            self.push("ERROR|400|not understood")
        return True

    def forward(self, clients, frame):
        if len(frame.encode()) > LIMIT:
            self.push("ERROR|413|too long once forwarded")
        else:
            for client in clients:
                client.push(frame)


def lists():
    for client in list(users.values()):
        client.push("USER_LIST|" + ",".join(users))


def accept():
    conn, _ = listener.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        listener.close()
        ours.close()
        for key in list(selector.get_map().values()):
            if key.fileobj is not listener:
                key.fileobj.close()
        for client in users.values():
            client.conn.close()
        child(conn, theirs)
    theirs.close()
    Client(conn, ours)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
selector.register(listener, selectors.EVENT_READ, accept)
while True:
    for key, _ in selector.select():
        if key.fileobj.fileno() >= 0:
            key.data()
