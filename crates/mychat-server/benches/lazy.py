#!/usr/bin/env python3
"""Measures the gain of a second worker while the load generator needs little CPU time: lazy.py RUNS.

Run it from the root of the repository, after a release build. With the other loads on two cores, the generator occupies one
core, so a second worker cannot help. Here, one sender keeps 4 broadcasts outstanding, and the sockets of the 1,000 recipients
are emptied inside the kernel after every 64 broadcasts. The measurement starts after one second, in which the server detects
the load. Runs with one and with two workers alternate. Each run appends a line to target/peerbench/results.jsonl."""
import json, os, resource, socket, subprocess, sys, time

USERS, WINDOW, WARM_UP, SECONDS, PORT = 1000, 4, 1, 2, 8084
FRAME = b"BROADCAST|" + b"x" * 64 + b"\n"
ECHO = len(FRAME) + len("last|")
scratch = bytearray(1 << 20)


def join(name):
    user = socket.create_connection(("127.0.0.1", PORT))
    user.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    user.sendall(b"CONNECT|%s\n" % name)
    return user


def empty(users):
    for user in users:
        try:
            user.recv_into(scratch, 0, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
        except BlockingIOError:
            pass


def ticks(server):
    fields = open(f"/proc/{server.pid}/stat").read().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def run(workers):
    args = ["target/release/mychat-server", "--listen", f"127.0.0.1:{PORT}", "--workers", str(workers)]
    server = subprocess.Popen(args, stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        users = [join(b"u%04d" % k) for k in range(USERS - 1)]
        sender = join(b"last")
        for _ in range(5):  # until the lists are through
            time.sleep(0.2)
            empty(users + [sender])
        heard = done = 0
        sender.sendall(FRAME * WINDOW)
        for seconds in WARM_UP, SECONDS:
            begin, before, busy, own = time.time(), done, ticks(server), time.process_time()
            while time.time() - begin < seconds:
                heard += len(sender.recv(1 << 16))
                new = heard // ECHO - done
                done += new
                sender.sendall(FRAME * new)
                if done % 64 < new:
                    empty(users)
        took = time.time() - begin
        return {
            "case": f"peers, {workers} workers", "cmd": "fanout", "tag": "mychat@0,1",
            "args": f"--users {USERS} --senders 1 --window {WINDOW} --readers lazy", "rate": (done - before) * USERS / took,
            "srv_busy": (ticks(server) - busy) / 100 / took, "gen_busy": (time.process_time() - own) / took,
        }
    finally:
        server.kill()
        server.wait()


resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.makedirs("target/peerbench", exist_ok=True)
for k in range(int(sys.argv[1])):
    for workers in (1, 2) if k % 2 == 0 else (2, 1):
        result = run(workers)
        with open("target/peerbench/results.jsonl", "a") as results:
            results.write(json.dumps(result) + "\n")
        print({k: result[k] for k in ("case", "rate", "srv_busy", "gen_busy")}, flush=True)
