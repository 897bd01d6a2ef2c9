//! Tests of the program in a pipe: lines in, lines out, exit codes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::test_server::{DEADLINE, TestServer};

fn mychat(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mychat"));
    command.args(args).env("LANG", "C.UTF-8").env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("MYCHAT_NAME");
    command
}

fn start(args: &[&str]) -> Child {
    mychat(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs the program with this input. Returns the exit code, the output and the errors.
pub(crate) fn run(args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = start(args);
    // The program may exit before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Returns exit code, output and errors as one text.
fn session(args: &[&str], input: &str) -> String {
    let (code, output, errors) = run(args, input);
    format!("{}\n--- stderr\n{errors}--- exit code {code}", output.replace('\t', "→"))
}

const LINES: &str = "hola a todos\n/reply too early\n@Nadie hola\n@Alice to myself\n/nope\n\n//slash\r\n";

#[test]
fn lines_in_plain_lines_out() {
    let server = TestServer::start();
    insta::assert_snapshot!(session(&[&server.addr(), "--name", "Alice"], LINES));
}

#[test]
fn lines_in_json_lines_out() {
    let server = TestServer::start();
    insta::assert_snapshot!(session(&[&server.addr(), "--name", "Alice", "--json"], LINES));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_message() {
    let server = TestServer::start();
    let (code, _, errors) = run(&[&server.addr(), "--name", "Alice"], "\u{feff}hola\n\u{feff}inside\n");
    assert_eq!(code, 0, "{errors}");
    server.hears("BROADCAST|hola");
    server.hears("BROADCAST|\u{feff}inside");
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let server = TestServer::start();
    let _holder = run_bot(&server, "Holder");
    let addr = server.addr();
    let long = "x".repeat(2000);
    let cases: &[(&[&str], i32)] = &[
        (&[&addr, "-n", "A", "--once", "hola"], 0),
        (&[&addr, "-n", "A", "--once", "@Holder hola"], 0),
        (&[&addr, "-n", "A", "--once", "@Nadie hola"], 1),
        (&[&addr, "-n", "A", "--once", &long], 1),
        (&[&addr, "-n", "A", "--once", "/users"], 2),
        (&[&addr, "-n", "a|b", "--once", "hola"], 2),
        (&[&addr, "--once", "hola"], 2),
        (&[&addr, "--framing", "pigeon"], 2),
        (&["127.0.0.1:1", "-n", "A", "--once", "hola"], 3),
        (&[&addr, "-n", "Holder", "--once", "hola"], 4),
        (&["--help"], 0),
    ];
    let mut errors_of_all = String::new();
    for (args, expected) in cases {
        let (code, _, errors) = run(args, "");
        assert_eq!(code, *expected, "{args:?}: {errors}");
        errors_of_all += &errors.replace(&addr, "ADDR");
    }
    insta::assert_snapshot!(errors_of_all);
    server.hears("MESSAGE|Holder|hola");
}

fn run_bot(server: &TestServer, name: &str) -> (Bot, BufReader<std::process::ChildStdout>) {
    start_bot(&server.addr(), name)
}

/// Starts a program that has joined. Returns it with the rest of its output.
pub(crate) fn start_bot(addr: &str, name: &str) -> (Bot, BufReader<std::process::ChildStdout>) {
    let mut child = start(&[addr, "--name", name, "--stay"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    wait_until_ready(&mut child, &mut lines, name);
    (Bot(child), lines)
}

/// Waits until the program has joined and knows if the server has rooms: it reads no line before.
fn wait_until_ready(child: &mut Child, lines: &mut impl BufRead, name: &str) {
    child.stdin.as_mut().unwrap().write_all(format!("@\"{name}\" ready\n").as_bytes()).unwrap();
    next_line(lines, "message\t");
}

/// A child process that is killed when the test ends.
pub(crate) struct Bot(pub(crate) Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn next_line(lines: &mut impl BufRead, beginning: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "waited for {beginning:?}");
        if line.starts_with(beginning) {
            return line;
        }
    }
}

#[test]
fn a_script_can_be_a_bot() {
    let server = TestServer::start();
    let (mut bot, mut lines) = run_bot(&server, "Bot");
    server.tell("Bot", "MESSAGE|Bot|what time is it?");
    assert_eq!(next_line(&mut lines, "message"), "message\tBot\twhat time is it?\n");
    bot.0.stdin.as_mut().unwrap().write_all(b"/reply noon\n").unwrap();
    server.hears("MESSAGE|Bot|noon");
}

#[test]
fn a_lost_connection_is_exit_code_3() {
    let server = TestServer::start();
    let (mut bot, mut lines) = run_bot(&server, "Bot");
    server.drop_all();
    next_line(&mut lines, "closed\t");
    assert_eq!(bot.0.wait().unwrap().code(), Some(3));
}

#[test]
fn with_reconnect_it_comes_back_and_says_so() {
    let server = TestServer::start();
    let mut child = start(&[&server.addr(), "--name", "Bot", "--stay", "--reconnect"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    wait_until_ready(&mut child, &mut lines, "Bot");
    let mut bot = Bot(child);
    server.drop_all();
    next_line(&mut lines, "lost\t");
    // Read while the connection is lost and sent after the reconnection.
    bot.0.stdin.as_mut().unwrap().write_all(b"still here\n").unwrap();
    next_line(&mut lines, "back");
    assert_eq!(next_line(&mut lines, "broadcast"), "broadcast\tBot\tstill here\n");
}

#[test]
fn a_reader_that_left_ends_it_quietly() {
    let server = TestServer::start();
    let (mut bot, lines) = run_bot(&server, "Bot");
    drop(lines);
    // Another test that starts a program holds copies of all descriptors for a moment. A line written at that moment still
    // finds a reader, so that the end may come with a later one.
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        server.tell_if_online("Bot", "BROADCAST|Bob|nobody reads this");
        if let Some(status) = bot.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on without a reader");
        thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_in_order() {
    let server = TestServer::start();
    let (mut bot, _lines) = run_bot(&server, "Bot");
    let killed = Command::new("kill").args(["-INT", &bot.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(bot.0.wait().unwrap().code(), Some(130));
    server.hears("DISCONNECT");
}
