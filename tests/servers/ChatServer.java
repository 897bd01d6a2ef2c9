import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

/** A MyChat server as it is written in a course, with a thread a client: {@code java ChatServer.java PORT}. */
public class ChatServer {
    static final int LIMIT = 1024;
    static final Map<String, Client> users = new LinkedHashMap<>();

    public static void main(String[] args) throws IOException {
        try (ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]), 200)) {
            while (true) {
                Client client = new Client(listener.accept());
                client.setDaemon(true);
                client.start();
            }
        }
    }

    static class Client extends Thread {
        private final Socket socket;
        private final OutputStream out;
        private String name;

        Client(Socket socket) throws IOException {
            this.socket = socket;
            socket.setTcpNoDelay(true);
            out = new BufferedOutputStream(socket.getOutputStream());
        }

        @Override
        public void run() {
            try (BufferedReader in =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
                String line;
                while ((line = in.readLine()) != null && handle(line)) {}
            } catch (IOException gone) {
                // It left without a word.
            }
            synchronized (users) {
                if (name != null) {
                    users.remove(name);
                    sendLists();
                }
            }
            try {
                socket.close();
            } catch (IOException ignored) {
                // Closed already.
            }
        }

        /** Whether the conversation goes on. */
        private boolean handle(String line) {
            if (line.isBlank()) return true;
            if (length(line) > LIMIT) return error(413, "message too long");
            String[] fields = line.split("\\|", -1);
            synchronized (users) {
                switch (fields[0]) {
                    case "CONNECT":
                        connect(fields.length == 2 ? fields[1] : "");
                        return true;
                    case "DISCONNECT":
                        return false;
                    case "MESSAGE":
                        if (name == null) return error(401, "CONNECT first");
                        String[] parts = line.split("\\|", 3);
                        if (parts.length < 3 || parts[2].isEmpty()) return error(400, "MESSAGE|recipient|text");
                        Client recipient = users.get(parts[1]);
                        if (recipient == null) return error(404, "no such user");
                        return forward("MESSAGE|" + name + "|" + parts[2], List.of(recipient));
                    case "BROADCAST":
                        if (name == null) return error(401, "CONNECT first");
                        String content = line.substring(Math.min(line.length(), 10));
                        if (content.isEmpty()) return error(400, "BROADCAST|text");
                        return forward("BROADCAST|" + name + "|" + content, new ArrayList<>(users.values()));
                    default:
                        return error(400, "unknown command");
                }
            }
        }

        private void connect(String wanted) {
            boolean legal = wanted.matches("[^,\\p{Cntrl}]{1,64}") && wanted.equals(wanted.strip());
            if (name != null || !legal || users.containsKey(wanted)) {
                send("CONNECT_ACK|FAIL");
                return;
            }
            name = wanted;
            users.put(name, this);
            send("CONNECT_ACK|OK");
            sendLists();
        }

        private boolean forward(String frame, List<Client> recipients) {
            if (length(frame) > LIMIT) return error(413, "message too long");
            for (Client recipient : recipients) recipient.send(frame);
            return true;
        }

        private boolean error(int code, String text) {
            send("ERROR|" + code + "|" + text);
            return true;
        }

        private synchronized void send(String frame) {
            try {
                out.write((frame + "\n").getBytes(StandardCharsets.UTF_8));
                out.flush();
            } catch (IOException gone) {
                // Its own thread finds out and cleans up.
            }
        }

        private static int length(String text) {
            return text.getBytes(StandardCharsets.UTF_8).length;
        }

        private static void sendLists() {
            String list = "USER_LIST|" + String.join(",", users.keySet());
            for (Client client : new ArrayList<>(users.values())) client.send(list);
        }
    }
}
