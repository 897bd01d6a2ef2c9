"""A correct MyChat server on asyncio with habits of its own: `moods.py PORT [MOOD,MOOD…]`. None of them breaks a sentence
of the text. delay: every reply comes 300 ms late; slow: every reply takes its writer 100 ms; bytewise: one byte a segment;
glued: replies wait for one another and share a segment; quiet: no echo, no ERROR at all; closing: closes at each error;
joiner: a list on joining goes to the one who joins alone; shout: errors in other words and codes; late: accepts slowly;
lazy: lists are merged, and go out 200 ms after the first change; narrow: five wait to be accepted, and no more; pondering:
each message takes 5 ms, and replies wait until all that was read is done; heavy: it has much memory to give back at its end;
hub: whoever has 256 messages waiting is closed, as in many an example of a chat;
few: it takes 20 users, and tells the next that it is full."""
import asyncio, socket, sys, time

LIMIT = 1024
MOODS = set(sys.argv[2].split(",")) if len(sys.argv) > 2 else set()
users = {}


class Peer:
    def __init__(self, writer):
        self.writer, self.name, self.queue = writer, None, asyncio.Queue()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.task = asyncio.create_task(self.write())

    def push(self, text):
        if self.queue.qsize() > (256 if "hub" in MOODS else 8000):
            self.writer.transport.abort()
            return
        self.queue.put_nowait((asyncio.get_running_loop().time(), text.encode() + b"\n"))

    async def write(self):
        try:
            while (item := await self.queue.get()) is not None:
                at, frame = item
                if "delay" in MOODS:
                    await asyncio.sleep(max(0, at + 0.3 - asyncio.get_running_loop().time()))
                if "slow" in MOODS:
                    await asyncio.sleep(0.1)
                if "glued" in MOODS:
                    await asyncio.sleep(0.003)
                    frames = [frame]
                    while len(frames) < 64 and not self.queue.empty() and self.queue._queue[0] is not None:
                        frames.append(self.queue.get_nowait()[1])
                    frame = b"".join(frames)
                if "bytewise" in MOODS and len(frame) < 300:
                    for at in range(len(frame)):
                        self.writer.write(frame[at : at + 1])
                        await asyncio.sleep(0)
                else:
                    self.writer.write(frame)
                await self.writer.drain()
        except OSError:
            pass
        self.writer.close()


pending = None


def lists(only=None, now=False):
    global pending
    if "lazy" in MOODS and not now:
        pending = pending or asyncio.get_running_loop().call_later(0.2, lists, None, True)
        return
    pending = None
    text = "USER_LIST|" + ",".join(users)
    for peer in [only] if only else users.values():
        peer.push(text)


def error(peer, code, text):
    """Whether the connection goes on."""
    if "closing" in MOODS:
        return False
    if "quiet" not in MOODS:
        peer.push(f"ERROR|E{code}|{text.upper()}!" if "shout" in MOODS else f"ERROR|{code}|{text}")
    return True


def legal(name):
    return 0 < len(name.encode()) <= 64 and name == name.strip() and name.isprintable() and not set(name) & set(",|")


def handle(peer, line):
    if "pondering" in MOODS:
        time.sleep(0.005)
    try:
        text = line.decode() if len(line) <= LIMIT else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        return error(peer, 400, "cannot read that")
    if not text.strip():
        return True
    command, _, rest = text.partition("|")
    if command == "DISCONNECT" and not rest:
        return False
    if command == "CONNECT" and "|" in text:
        if peer.name is not None or rest in users or not legal(rest):
            peer.push("CONNECT_ACK|FAIL")
            return True
        if "few" in MOODS and len(users) >= 20:
            peer.push("CONNECT_ACK|FAIL")
            return error(peer, 503, "full")
        peer.name = rest
        users[rest] = peer
        peer.push("CONNECT_ACK|OK")
        lists(peer if "joiner" in MOODS else None)
    elif peer.name is None:
        if "quiet" in MOODS:
            return False
        return error(peer, 401, "connect first")
    elif command == "BROADCAST" and rest:
        frame = f"BROADCAST|{peer.name}|{rest}"
        if len(frame.encode()) > LIMIT:
            return error(peer, 413, "too long")
        for other in list(users.values()):
            if other is not peer or "quiet" not in MOODS:
                other.push(frame)
    elif command == "MESSAGE" and "|" in rest and all(rest.split("|", 1)):
        to, content = rest.split("|", 1)
        frame = f"MESSAGE|{peer.name}|{content}"
        if to not in users:
            return error(peer, 404, "no such user")
        if len(frame.encode()) > LIMIT:
            return error(peer, 413, "too long")
        users[to].push(frame)
    else:
        return error(peer, 400, "what is that")
    return True


async def serve(reader, writer):
    peer, buffer = Peer(writer), b""
    try:
        going = True
        while going and (chunk := await reader.read(65536)):
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                going = going and handle(peer, line.removesuffix(b"\r"))
            going = going and len(buffer) <= 65536
    except OSError:
        pass
    if users.get(peer.name) is peer:
        del users[peer.name]
        lists()
    peer.queue.put_nowait(None)


async def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=5 if "narrow" in MOODS else 512)
    listener.setblocking(False)
    loop, tasks = asyncio.get_running_loop(), set()
    while True:
        conn, _ = await loop.sock_accept(listener)
        if "late" in MOODS:
            await asyncio.sleep(0.05)
        if "narrow" in MOODS:
            await asyncio.sleep(0.002)
        task = asyncio.create_task(welcome(conn))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def welcome(conn):
    reader, writer = await asyncio.open_connection(sock=conn)
    await serve(reader, writer)


weight = b"x" * (300 << 20) if "heavy" in MOODS else b""
asyncio.run(main())
