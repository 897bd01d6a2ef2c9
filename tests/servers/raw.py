"""A server like the first ones of this protocol: no terminator, one recv is one message, no ERROR. `raw.py PORT`."""
import socket, sys, threading

users, lock = {}, threading.Lock()


def to_all(text):
    for conn in list(users.values()):
        try:
            conn.sendall(text.encode())
        except OSError:
            pass


def serve(conn):
    name = None
    try:
        while data := conn.recv(1024):
            fields = data.decode().split("|")
            with lock:
                if fields[0] == "CONNECT":
                    if fields[1] in users:
                        conn.sendall(b"CONNECT_ACK|FAIL")
                    else:
                        name = fields[1]
                        users[name] = conn
                        conn.sendall(b"CONNECT_ACK|OK")
                        to_all("USER_LIST|" + ",".join(users))
                elif fields[0] == "DISCONNECT":
                    break
                elif fields[0] == "MESSAGE" and fields[1] in users:
                    users[fields[1]].sendall(f"MESSAGE|{name}|{fields[2]}".encode())
                elif fields[0] == "BROADCAST":
                    to_all(f"BROADCAST|{name}|{fields[1]}")
    except (OSError, IndexError, UnicodeDecodeError):
        pass
    with lock:
        if users.get(name) is conn:
            del users[name]
            to_all("USER_LIST|" + ",".join(users))
    conn.close()


with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as listener:
    while True:
        conn, _ = listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(conn,), daemon=True).start()
