"""A MyChat server with a thread a connection and blocking sockets: `threads.py PORT`."""
import queue, socket, sys, threading

LIMIT = 1024
users = {}
lock = threading.Lock()


class Peer:
    def __init__(self, conn):
        self.conn, self.name, self.out = conn, None, queue.Queue(20000)
        threading.Thread(target=self.write, daemon=True).start()

    def push(self, text):
        try:
            self.out.put_nowait(text.encode() + b"\n")
        except queue.Full:  # it does not read: it is disconnected
            try:
                self.conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def write(self):
        try:
            while (frame := self.out.get()) is not None:
                self.conn.sendall(frame)
            self.conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def lists():
    text = "USER_LIST|" + ",".join(users)
    for peer in users.values():
        peer.push(text)


def legal(name):
    return 0 < len(name.encode()) <= 64 and name == name.strip() and name.isprintable() and "," not in name and "|" not in name


def handle(peer, line):
    """Whether the connection goes on."""
    if len(line) > LIMIT:
        peer.push("ERROR|413|too large")
        return True
    try:
        text = line.decode()
    except UnicodeDecodeError:
        peer.push("ERROR|400|not UTF-8")
        return True
    if not text.strip():
        return True
    command, _, rest = text.partition("|")
    with lock:
        if command == "CONNECT" and "|" in text:
            if peer.name is not None or rest in users or not legal(rest):
                peer.push("CONNECT_ACK|FAIL")
            else:
                peer.name = rest
                users[rest] = peer
                peer.push("CONNECT_ACK|OK")
                lists()
        elif command == "DISCONNECT" and not rest:
            return False
        elif peer.name is None:
            peer.push("ERROR|401|CONNECT first")
        elif command == "BROADCAST" and rest:
            frame = f"BROADCAST|{peer.name}|{rest}"
            if len(frame.encode()) > LIMIT:
                peer.push("ERROR|413|too large")
            else:
                for other in list(users.values()):
                    other.push(frame)
        elif command == "MESSAGE" and rest.count("|") and all(rest.split("|", 1)):
            to, content = rest.split("|", 1)
            frame = f"MESSAGE|{peer.name}|{content}"
            if to not in users:
                peer.push("ERROR|404|no such user")
            elif len(frame.encode()) > LIMIT:
                peer.push("ERROR|413|too large")
            else:
                users[to].push(frame)
        else:
            peer.push("ERROR|400|malformed")
    return True


def serve(conn):
    peer, buffer = Peer(conn), b""
    try:
        going = True
        while going and (chunk := conn.recv(65536)):
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                going = going and handle(peer, line[:-1] if line.endswith(b"\r") else line)
            if len(buffer) > 65536:
                break
    except OSError:
        pass
    with lock:
        if peer.name is not None:
            del users[peer.name]
            lists()
    peer.out.put(None)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512) as listener:
        while True:
            conn, _ = listener.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(conn,), daemon=True).start()
