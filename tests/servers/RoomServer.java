import java.io.*;
import java.net.*;
import java.nio.charset.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.Predicate;

/** A MyChat server with chat rooms, with two threads a client and one lock: {@code java RoomServer.java PORT}. */
public class RoomServer {
    static final int LIMIT = 1024, TOPIC = 390, MOST_ROOMS = 50;
    static final Object LOCK = new Object();
    static final Map<String, Client> users = new LinkedHashMap<>();
    static final Map<String, Room> rooms = new LinkedHashMap<>();

    public static void main(String[] args) throws IOException {
        try (ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]), 200)) {
            while (true) new Client(listener.accept()).start();
        }
    }

    static class Refusal extends RuntimeException {
        Refusal(int code, String text) {
            super("ERROR|" + code + "|" + text, null, false, false);
        }
    }

    static class Room {
        final String name;
        final List<Client> members = new ArrayList<>();
        final Set<Client> operators = new LinkedHashSet<>(), invited = new HashSet<>();
        final Set<String> banned = new HashSet<>();
        String topic;
        boolean isPrivate, isQuiet;

        Room(String name) {
            this.name = name;
        }

        void tell(String frame) {
            tell(frame, member -> true);
        }

        void tell(String frame, Predicate<Client> to) {
            members.stream().filter(to).forEach(member -> member.send(frame));
        }

        void remove(Client member) {
            members.remove(member);
            operators.remove(member);
            settle();
        }

        void settle() {
            if (members.isEmpty()) {
                rooms.remove(name);
            } else if (operators.isEmpty()) {
                operators.add(members.get(0));
                tell("OPERATORS|" + name + "|" + members.get(0).name);
            }
        }

        void sendState(Client to) {
            to.sendPages("MEMBERS|" + name, members.stream().map(member -> member.name).toList());
            to.sendPages("OPERATORS|" + name, operators.stream().map(member -> member.name).toList());
        }

        Client member(String name) {
            Client member = users.get(name);
            if (member == null || !members.contains(member)) throw new Refusal(404, "no such member");
            return member;
        }
    }

    static class Client {
        private final Socket socket;
        private final BlockingQueue<byte[]> queue = new LinkedBlockingQueue<>(20_000);
        private static final byte[] END = {};
        String name;
        boolean hasRooms;
        private long lastList = System.nanoTime() - 2_000_000_000L;

        Client(Socket socket) throws IOException {
            this.socket = socket;
            socket.setTcpNoDelay(true);
        }

        void start() {
            for (Runnable part : List.<Runnable>of(this::read, this::write)) {
                Thread thread = new Thread(part);
                thread.setDaemon(true);
                thread.start();
            }
        }

        private void write() {
            try (OutputStream out = new BufferedOutputStream(socket.getOutputStream())) {
                for (byte[] next = queue.take(); next != END; next = queue.take()) {
                    out.write(next);
                    if (queue.isEmpty()) out.flush();
                }
                out.flush();
                socket.shutdownOutput();
            } catch (IOException | InterruptedException gone) {
                // The reader finds out, too.
            }
        }

        private void read() {
            try (InputStream in = new BufferedInputStream(socket.getInputStream())) {
                ByteArrayOutputStream line = new ByteArrayOutputStream();
                boolean open = true;
                for (int next; open && line.size() <= 65536 && (next = in.read()) >= 0; ) {
                    if (next != '\n') {
                        line.write(next);
                        continue;
                    }
                    open = handle(line.toByteArray());
                    line.reset();
                }
                end();
                Thread.sleep(100);
            } catch (IOException | InterruptedException gone) {
                end();
            }
        }

        private void end() {
            synchronized (LOCK) {
                if (name != null) {
                    leaveRooms();
                    users.remove(name);
                    name = null;
                    sendLists();
                }
                if (!queue.offer(END)) close();
            }
        }

        private void close() {
            try {
                socket.close();
            } catch (IOException ignored) {
                // Closed already.
            }
        }

        void send(String frame) {
            if (!queue.offer((frame + "\n").getBytes(StandardCharsets.UTF_8))) close();
        }

        void sendPages(String head, Collection<String> names) {
            StringBuilder page = new StringBuilder(head).append('|');
            int first = page.length();
            for (String next : names) {
                if (page.length() > first) {
                    page.append(',');
                    if (length(page + next) + 1 > LIMIT) {
                        send(page.toString());
                        page.setLength(first);
                    }
                }
                page.append(next);
            }
            send(page.toString());
        }

        /** Whether the conversation goes on. */
        private boolean handle(byte[] bytes) {
            int length = bytes.length > 0 && bytes[bytes.length - 1] == '\r' ? bytes.length - 1 : bytes.length;
            synchronized (LOCK) {
                try {
                    if (length > LIMIT) throw new Refusal(413, "too long");
                    String line = StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes, 0, length)).toString();
                    return line.isBlank() || command(line);
                } catch (CharacterCodingException error) {
                    send("ERROR|400|not UTF-8");
                } catch (Refusal refusal) {
                    send(refusal.getMessage());
                }
                return true;
            }
        }

        private boolean command(String line) {
            int at = line.indexOf('|');
            String verb = at < 0 ? line : line.substring(0, at), rest = at < 0 ? null : line.substring(at + 1);
            if (verb.equals("DISCONNECT") && (rest == null || rest.isEmpty())) return false;
            if (verb.equals("CONNECT") && rest != null) {
                connect(rest);
            } else if (name == null) {
                throw new Refusal(401, "CONNECT first");
            } else if (verb.equals("BROADCAST") && rest != null && !rest.isEmpty()) {
                forward("BROADCAST|" + name + "|" + rest, users.values());
            } else if (verb.equals("MESSAGE")) {
                String[] parts = two(rest, false);
                if (!users.containsKey(parts[0])) throw new Refusal(404, "no such user");
                forward("MESSAGE|" + name + "|" + parts[1], List.of(users.get(parts[0])));
            } else if (verb.equals("CAPABILITIES") && rest != null) {
                hasRooms = List.of(rest.split(",")).contains("rooms");
                if (!hasRooms) leaveRooms();
                send("CAPABILITIES|" + (hasRooms ? "rooms=" + MOST_ROOMS : ""));
            } else if (hasRooms) {
                extension(verb, rest);
            } else {
                throw new Refusal(400, "unknown command");
            }
            return true;
        }

        private static String[] two(String rest, boolean mayBeEmpty) {
            String[] parts = rest == null ? new String[0] : rest.split("\\|", 2);
            boolean isWhole = parts.length == 2 && !parts[0].isEmpty() && (mayBeEmpty || !parts[1].isEmpty());
            if (!isWhole) throw new Refusal(400, "a field is missing");
            return parts;
        }

        private void connect(String wanted) {
            if (name != null || !legal(wanted) || users.containsKey(wanted)) {
                send("CONNECT_ACK|FAIL");
                throw new Refusal(409, "not this name");
            }
            name = wanted;
            users.put(name, this);
            send("CONNECT_ACK|OK");
            sendLists();
        }

        private void forward(String frame, Collection<Client> to) {
            if (length(frame) > LIMIT) throw new Refusal(413, "too long");
            to.forEach(client -> client.send(frame));
        }

        private void extension(String verb, String rest) {
            switch (verb) {
                case "ROOMS" -> listRooms(rest);
                case "JOIN" -> join(rest);
                case "LEAVE" -> {
                    Room room = own(rest);
                    room.tell("LEAVE|" + room.name + "|" + name);
                    room.remove(this);
                }
                case "MEMBERS" -> own(rest).sendState(this);
                case "SAY" -> {
                    String[] parts = two(rest, false);
                    Room room = own(parts[0]);
                    if (room.isQuiet && !room.operators.contains(this)) throw new Refusal(403, "a quiet room");
                    forward("SAY|" + room.name + "|" + name + "|" + parts[1], room.members);
                }
                case "TOPIC", "MODE", "INVITE", "KICK", "BAN", "UNBAN", "GRANT", "REVOKE" -> operate(verb, two(rest, verb.equals("TOPIC")));
                default -> throw new Refusal(400, "unknown command");
            }
        }

        private Room own(String room) {
            if (room == null || room.isEmpty()) throw new Refusal(400, "a room is missing");
            Room found = rooms.get(room);
            if (found == null || !found.members.contains(this)) throw new Refusal(404, "you are in no such room");
            return found;
        }

        private void listRooms(String rest) {
            if (rest != null && !rest.isEmpty()) throw new Refusal(400, "ROOMS takes nothing");
            if (System.nanoTime() - lastList < 1_000_000_000L) throw new Refusal(429, "not so often");
            lastList = System.nanoTime();
            sendPages("ROOMS", rooms.values().stream().filter(room -> !room.isPrivate || room.members.contains(this)).map(room -> room.name).toList());
        }

        private void join(String wanted) {
            if (wanted == null || wanted.isEmpty()) throw new Refusal(400, "a room is missing");
            if (!legal(wanted)) throw new Refusal(422, "not a legal name");
            Room room = rooms.get(wanted);
            if (room != null && room.members.contains(this)) throw new Refusal(409, "you are here");
            if (rooms.values().stream().filter(other -> other.members.contains(this)).count() >= MOST_ROOMS) throw new Refusal(503, "too many rooms");
            if (room != null && (room.banned.contains(name) || room.isPrivate && !room.invited.contains(this))) throw new Refusal(403, "no entry");
            if (room == null) rooms.put(wanted, room = new Room(wanted));
            room.invited.remove(this);
            room.members.add(this);
            if (room.members.size() == 1) room.operators.add(this);
            room.tell("JOIN|" + wanted + "|" + name);
            if (room.topic != null) send(room.topic);
            room.sendState(this);
        }

        private void operate(String verb, String[] parts) {
            if (verb.equals("MODE") && !List.of("private", "public", "quiet", "open").contains(parts[1])) throw new Refusal(400, "no such mode");
            Room room = own(parts[0]);
            if (!room.operators.contains(this)) throw new Refusal(403, "for operators");
            String what = parts[1], frame = verb + "|" + room.name + "|" + name + "|" + what;
            switch (verb) {
                case "TOPIC" -> {
                    if (length(what) > TOPIC) throw new Refusal(413, "too long");
                    room.topic = what.isEmpty() ? null : frame;
                    room.tell(frame);
                }
                case "MODE" -> {
                    if (what.startsWith("p")) room.isPrivate = what.equals("private");
                    else room.isQuiet = what.equals("quiet");
                    room.tell(frame);
                }
                case "INVITE" -> {
                    Client guest = users.get(what);
                    if (guest == null || !guest.hasRooms) throw new Refusal(404, "nobody to invite");
                    room.invited.add(guest);
                    send(frame);
                    if (guest != this) guest.send(frame);
                }
                case "KICK" -> {
                    Client member = room.member(what);
                    room.tell(frame);
                    room.remove(member);
                }
                case "BAN" -> ban(room, what, frame);
                case "UNBAN" -> {
                    if (!room.banned.remove(what)) throw new Refusal(404, "not banned");
                    room.tell(frame, room.operators::contains);
                }
                default -> {
                    Client member = room.member(what);
                    if (verb.equals("GRANT")) room.operators.add(member);
                    else room.operators.remove(member);
                    room.tell(frame);
                    room.settle();
                }
            }
        }

        private void ban(Room room, String who, String frame) {
            if (!legal(who)) throw new Refusal(422, "not a legal name");
            if (who.equals(name)) throw new Refusal(403, "not your own name");
            Client target = users.get(who);
            room.banned.add(who);
            room.invited.remove(target);
            Predicate<Client> isTold = member -> room.operators.contains(member) && member != target;
            room.tell(frame, isTold);
            if (target != null && room.members.contains(target)) {
                room.tell(frame.replaceFirst("BAN", "KICK"), isTold.negate());
                room.remove(target);
            }
        }

        private void leaveRooms() {
            for (Room room : new ArrayList<>(rooms.values())) {
                room.invited.remove(this);
                if (room.members.contains(this)) {
                    room.tell("LEAVE|" + room.name + "|" + name, member -> member != this);
                    room.remove(this);
                }
            }
            hasRooms = false;
        }

        private static boolean legal(String name) {
            return name.matches("[^,|\\p{Cntrl}]+") && length(name) <= 64 && name.equals(name.strip());
        }

        private static int length(CharSequence text) {
            return text.toString().getBytes(StandardCharsets.UTF_8).length;
        }

        private static void sendLists() {
            for (Client client : users.values()) client.sendPages("USER_LIST", users.keySet());
        }
    }
}
