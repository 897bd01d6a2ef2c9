"""A MyChat server with one thread and no `except`: `fragile.py PORT`. A message without its fields ends the process."""
import selectors, socket, sys

selector = selectors.DefaultSelector()
names, buffers = {}, {}


def send(conn, line):
    conn.sendall(line.encode() + b"\n")


def lists():
    for conn in names.values():
        send(conn, "USER_LIST|" + ",".join(names))


def handle(conn, line):
    command, *fields = line.split("|")
    name = next((name for name, other in names.items() if other is conn), None)
    if command == "CONNECT":
        if name or fields[0] in names:
            return send(conn, "CONNECT_ACK|FAIL")
        names[fields[0]] = conn
        send(conn, "CONNECT_ACK|OK")
        lists()
    elif command == "DISCONNECT":
        close(conn)
    elif name is None:
        send(conn, "ERROR|401|connect first")
    elif command == "BROADCAST":
        for other in names.values():
            send(other, f"BROADCAST|{name}|{fields[0]}")
    elif command == "MESSAGE":
        to, content = fields[0], fields[1]
        send(names[to], f"MESSAGE|{name}|{content}") if to in names else send(conn, "ERROR|404|no such user")
    else:
        send(conn, "ERROR|400|unknown command")


def close(conn):
    selector.unregister(conn)
    conn.close()
    for name in [name for name, other in names.items() if other is conn]:
        del names[name]
    lists()


def read(conn):
    data = conn.recv(65536)
    buffers[conn] = buffers.get(conn, b"") + data
    *lines, buffers[conn] = buffers[conn].split(b"\n")
    for line in lines:
        if conn.fileno() >= 0:
            handle(conn, line.decode().rstrip("\r"))
    if not data and conn.fileno() >= 0:
        close(conn)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
selector.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        if key.fileobj is listener:
            selector.register(listener.accept()[0], selectors.EVENT_READ)
        else:
            read(key.fileobj)
