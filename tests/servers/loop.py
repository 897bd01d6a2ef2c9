"""A MyChat server on asyncio: `loop.py PORT`. Lists are merged: one goes out a moment after the last change."""
import asyncio, sys

LIMIT = 1024
users = {}
pending = None


def lists():
    global pending
    if pending is None:
        pending = asyncio.get_running_loop().call_later(0.005, send_lists)


def send_lists():
    global pending
    pending = None
    for writer in list(users.values()):
        push(writer, "USER_LIST|" + ",".join(users))


def push(writer, text):
    if not writer.is_closing():
        if writer.transport.get_write_buffer_size() > 8 << 20:
            writer.transport.abort()
        else:
            writer.write(text.encode() + b"\n")


class Session:
    def __init__(self, writer):
        self.writer, self.name = writer, None

    def error(self, code, text):
        push(self.writer, f"ERROR|{code}|{text}")

    def forward(self, recipients, head, content):
        frame = f"{head}|{self.name}|{content}"
        if len(frame.encode()) > LIMIT:
            return self.error(413, "message is too long")
        for writer in recipients:
            push(writer, frame)

    def handle(self, line):
        """Whether the connection goes on."""
        if len(line) > LIMIT:
            self.error(413, "message is too long")
            return True
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.error(400, "not text")
            return True
        fields = text.split("|")
        if fields[0] == "DISCONNECT":
            return False
        if not text.strip():
            pass
        elif fields[0] == "CONNECT" and self.name is None:
            name = text[8:]
            bad = len(fields) != 2 or not name or name != name.strip() or "," in name or not name.isprintable()
            if bad or len(name.encode()) > 100 or name in users:
                push(self.writer, "CONNECT_ACK|FAIL")
            else:
                self.name = name
                users[name] = self.writer
                push(self.writer, "CONNECT_ACK|OK")
                lists()
        elif self.name is None:
            self.error(401, "who are you?")
        elif fields[0] == "BROADCAST" and text[10:]:
            self.forward(list(users.values()), "BROADCAST", text[10:])
        elif fields[0] == "MESSAGE" and len(fields) > 2 and fields[1] and fields[2:] != [""]:
            if fields[1] in users:
                self.forward([users[fields[1]]], "MESSAGE", "|".join(fields[2:]))
            else:
                self.error(404, f"no user {fields[1]!r}"[:200])
        else:
            self.error(400, "what?")
        return True


async def serve(reader, writer):
    session, buffer = Session(writer), b""
    try:
        going = True
        while going and (chunk := await reader.read(65536)):
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                going = going and session.handle(line.removesuffix(b"\r"))
            if len(buffer) > 65536:
                break
    except OSError:
        pass
    if session.name is not None:
        del users[session.name]
        lists()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512)
    await server.serve_forever()


asyncio.run(main())
