"""A beginner's server: it takes what one recv() returns for one message. Usage: python3 beginner.py PORT"""

import socket
import sys
import threading

users = {}
lock = threading.Lock()


def send(connection, text):
    try:
        connection.sendall((text + "\n").encode())
    except OSError:
        pass


def send_user_list():
    with lock:
        names, connections = ",".join(users), list(users.values())
    for connection in connections:
        send(connection, "USER_LIST|" + names)


def handle(connection, address):
    name = None
    while True:
        try:
            data = connection.recv(1024)
        except OSError:
            break
        if not data:
            break
        parts = data.decode().strip().split("|")
        if parts[0] == "CONNECT":
            with lock:
                taken = parts[1] in users
                if not taken:
                    name = parts[1]
                    users[name] = connection
            if taken:
                send(connection, "CONNECT_ACK|FAIL")
                send(connection, "ERROR|409|name in use")
            else:
                send(connection, "CONNECT_ACK|OK")
                send_user_list()
        elif parts[0] == "MESSAGE":
            if parts[1] in users:
                send(users[parts[1]], "MESSAGE|" + name + "|" + parts[2])
            else:
                send(connection, "ERROR|404|no such user")
        elif parts[0] == "BROADCAST":
            with lock:
                connections = list(users.values())
            for other in connections:
                send(other, "BROADCAST|" + name + "|" + parts[1])
        elif parts[0] == "DISCONNECT":
            break
        else:
            send(connection, "ERROR|400|unknown command")
    if name:
        with lock:
            del users[name]
        send_user_list()
    connection.close()


server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen(128)
while True:
    threading.Thread(target=handle, args=server.accept(), daemon=True).start()
