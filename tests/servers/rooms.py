"""A MyChat server with chat rooms on asyncio: `rooms.py PORT`. One frame is handled after the other, so all users see one order."""
import asyncio, sys, time

LIMIT, LONGEST_TOPIC, MOST_ROOMS = 1024, 390, 50
FIELDS = {"JOIN": 1, "LEAVE": 1, "MEMBERS": 1, "SAY": 2, "TOPIC": 2, "MODE": 2,
          "INVITE": 2, "KICK": 2, "BAN": 2, "UNBAN": 2, "GRANT": 2, "REVOKE": 2, "ROOMS": 0}
users, rooms = {}, {}


class Refused(Exception):
    """Its arguments are the code and the text of an ERROR."""


UNKNOWN_ROOM = 404, "no such room, or you are not in it"
NO_ENTRY = 403, "you cannot join this room"


def legal(name):
    return 0 < len(name.encode()) <= 64 and name == name.strip() and name.isprintable() and not set(name) & set("|,")


def pages(head, names):
    page = head + "|"
    for number, name in enumerate(names):
        if number and len((page + "," + name + ",").encode()) > LIMIT:
            yield page + ","
            page = head + "|"
        elif number:
            page += ","
        page += name
    yield page


class Room:
    def __init__(self, name):
        self.name, self.members, self.operators = name, [], set()
        self.topic, self.banned, self.invited, self.modes = None, set(), set(), set()

    def tell(self, frame, to=None):
        for member in self.members if to is None else to:
            member.push(frame)

    def state(self):
        yield from pages(f"MEMBERS|{self.name}", [member.name for member in self.members])
        yield from pages(f"OPERATORS|{self.name}", [member.name for member in self.members if member in self.operators])

    def settle(self):
        if not self.members:
            del rooms[self.name]
        elif not self.operators:
            self.operators.add(self.members[0])
            self.tell(f"OPERATORS|{self.name}|{self.members[0].name}")

    def remove(self, member):
        self.members.remove(member)
        self.operators.discard(member)
        self.settle()


class Session:
    def __init__(self, writer):
        self.writer, self.name, self.extended, self.listed = writer, None, False, float("-inf")

    def push(self, text):
        if self.writer.is_closing():
            return
        if self.writer.transport.get_write_buffer_size() > 8 << 20:
            return self.writer.transport.abort()
        self.writer.write(text.encode() + b"\n")

    def leave_rooms(self):
        for room in [room for room in rooms.values() if self in room.members]:
            room.tell(f"LEAVE|{room.name}|{self.name}", [member for member in room.members if member is not self])
            room.remove(self)
        for room in rooms.values():
            room.invited.discard(self)
        self.extended = False

    def end(self):
        if self.name is not None:
            self.leave_rooms()
            del users[self.name]
            send_lists()

    def handle(self, line):
        """Whether the connection goes on."""
        try:
            if len(line) > LIMIT:
                raise Refused(413, "message is too long")
            text = line.decode()
            return not text.strip() or self.command(text)
        except UnicodeDecodeError:
            self.push("ERROR|400|not text")
        except Refused as refused:
            self.push("ERROR|%d|%s" % refused.args)
        return True

    def command(self, text):
        verb, _, rest = text.partition("|")
        if verb == "DISCONNECT" and not rest:
            return False
        if verb == "CONNECT" and "|" in text:
            self.connect(rest)
        elif self.name is None:
            raise Refused(401, "CONNECT first")
        elif verb == "BROADCAST" and rest:
            self.forward(f"BROADCAST|{self.name}|{rest}", list(users.values()))
        elif verb == "MESSAGE" and rest.partition("|")[0] and rest.partition("|")[2]:
            to, _, content = rest.partition("|")
            if to not in users:
                raise Refused(404, "no such user")
            self.forward(f"MESSAGE|{self.name}|{content}", [users[to]])
        elif verb == "CAPABILITIES" and "|" in text:
            self.negotiate(rest.split(","))
        elif verb in FIELDS and self.extended:
            self.in_room(verb, text.split("|", FIELDS[verb] or 1)[1:])
        else:
            raise Refused(400, "what?")
        return True

    def connect(self, name):
        if self.name is not None or not legal(name) or name in users:
            self.push("CONNECT_ACK|FAIL")
            raise Refused(409, "this name is not free for you")
        self.name = name
        users[name] = self
        self.push("CONNECT_ACK|OK")
        send_lists()

    def forward(self, frame, recipients):
        if len(frame.encode()) > LIMIT:
            raise Refused(413, "message is too long")
        for recipient in recipients:
            recipient.push(frame)

    def negotiate(self, names):
        if "rooms" in names:
            self.extended = True
            self.push(f"CAPABILITIES|rooms={MOST_ROOMS}")
        else:
            self.leave_rooms()
            self.push("CAPABILITIES|")

    def in_room(self, verb, fields):
        if verb == "ROOMS":
            return self.list_rooms(fields)
        if len(fields) < FIELDS[verb] or not all(fields[:1] if verb == "TOPIC" else fields):
            raise Refused(400, "a field is missing")
        if verb == "MODE" and fields[1] not in ("private", "public", "quiet", "open"):
            raise Refused(400, "no such mode")
        if verb == "JOIN":
            return self.join(fields[0])
        room = rooms.get(fields[0])
        if room is None or self not in room.members:
            raise Refused(*UNKNOWN_ROOM)
        if verb not in ("LEAVE", "SAY", "MEMBERS") and self not in room.operators:
            raise Refused(403, "for operators")
        getattr(self, verb.lower())(room, *fields[1:])

    def list_rooms(self, fields):
        if fields and fields != [""]:
            raise Refused(400, "ROOMS takes no field")
        if time.monotonic() - self.listed < 1:
            raise Refused(429, "once a second")
        self.listed = time.monotonic()
        shown = [room.name for room in rooms.values() if "private" not in room.modes or self in room.members]
        for page in pages("ROOMS", shown):
            self.push(page)

    def join(self, name):
        if not legal(name):
            raise Refused(422, "not a name for a room")
        room = rooms.get(name)
        if room and self in room.members:
            raise Refused(409, "you are in this room")
        if sum(self in other.members for other in rooms.values()) >= MOST_ROOMS:
            raise Refused(503, "you are in too many rooms")
        if room and (self.name in room.banned or "private" in room.modes and self not in room.invited):
            raise Refused(*NO_ENTRY)
        room = rooms.setdefault(name, room or Room(name))
        room.invited.discard(self)
        room.members.append(self)
        room.operators.update(room.members[:1] if len(room.members) == 1 else [])
        room.tell(f"JOIN|{name}|{self.name}")
        for frame in ([f"TOPIC|{name}|{room.topic[0]}|{room.topic[1]}"] if room.topic else []) + list(room.state()):
            self.push(frame)

    def leave(self, room):
        room.tell(f"LEAVE|{room.name}|{self.name}")
        room.remove(self)

    def say(self, room, content):
        if "quiet" in room.modes and self not in room.operators:
            raise Refused(403, "the room is quiet")
        self.forward(f"SAY|{room.name}|{self.name}|{content}", room.members)

    def members(self, room):
        for frame in room.state():
            self.push(frame)

    def topic(self, room, text):
        if len(text.encode()) > LONGEST_TOPIC:
            raise Refused(413, "topic is too long")
        room.topic = (self.name, text) if text else None
        room.tell(f"TOPIC|{room.name}|{self.name}|{text}")

    def mode(self, room, mode):
        opposite = {"public": "private", "open": "quiet"}.get(mode)
        room.modes.discard(opposite) if opposite else room.modes.add(mode)
        room.tell(f"MODE|{room.name}|{self.name}|{mode}")

    def invite(self, room, name):
        guest = users.get(name)
        if guest is None or not guest.extended:
            raise Refused(404, "no such guest")
        room.invited.add(guest)
        room.tell(f"INVITE|{room.name}|{self.name}|{name}", {self, guest})

    def member(self, room, name):
        member = users.get(name)
        if member not in room.members:
            raise Refused(404, "no such member")
        return member

    def kick(self, room, name):
        member = self.member(room, name)
        room.tell(f"KICK|{room.name}|{self.name}|{name}")
        room.remove(member)

    def ban(self, room, name):
        if not legal(name):
            raise Refused(422, "not a name")
        if name == self.name:
            raise Refused(403, "not yourself")
        room.banned.add(name)
        target = users.get(name)
        room.invited.discard(target)
        told = [member for member in room.members if member in room.operators and member is not target]
        room.tell(f"BAN|{room.name}|{self.name}|{name}", told)
        if target in room.members:
            room.tell(f"KICK|{room.name}|{self.name}|{name}", [member for member in room.members if member not in told])
            room.remove(target)

    def unban(self, room, name):
        if name not in room.banned:
            raise Refused(404, "not banned")
        room.banned.remove(name)
        room.tell(f"UNBAN|{room.name}|{self.name}|{name}", room.operators)

    def grant(self, room, name):
        room.operators.add(self.member(room, name))
        room.tell(f"GRANT|{room.name}|{self.name}|{name}")

    def revoke(self, room, name):
        room.operators.discard(self.member(room, name))
        room.tell(f"REVOKE|{room.name}|{self.name}|{name}")
        room.settle()


def send_lists():
    for page in pages("USER_LIST", users):
        for session in users.values():
            session.push(page)


async def serve(reader, writer):
    session, buffer = Session(writer), b""
    try:
        going = True
        while going and (chunk := await reader.read(65536)):
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                going = going and session.handle(line.removesuffix(b"\r"))
            if len(buffer) > 65536:
                break
    except OSError:
        pass
    session.end()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512)
    await server.serve_forever()


asyncio.run(main())
