//! Addresses of a server: host names, IPv6, and a target in the file.

use mychat_tests::TestServer;

use crate::run;

const SMALL: &str = "
name: small
users:
  bots: { count: 3, rate: 30/s, do: [ { broadcast: {} } ] }
load: [ { hold: 500ms } ]
expect: [ \"lost == 0\" ]
";

#[test]
fn host_names_work() {
    let server = TestServer::start();
    let outcome = run(SMALL).target(format!("localhost:{}", server.address().port())).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
}

#[test]
fn ipv6_works() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        // A machine without IPv6 has nothing to try this on.
        return;
    }
    let server = TestServer::listen("[::1]:0");
    let outcome = run(SMALL).target(server.address()).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
}

#[test]
fn a_target_in_the_file_is_used_unless_another_is_given() {
    let (named, given) = (TestServer::start(), TestServer::start());
    let text = format!("target: {}\n{SMALL}", named.address());
    assert_eq!(run(&text).go().json["target"]["address"], named.address().to_string());
    assert_eq!(run(&text).target(given.address()).go().json["target"]["address"], given.address().to_string());
}
