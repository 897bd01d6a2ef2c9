//! Listening sockets in `/proc/net/tcp` and `tcp6`.

use std::net::SocketAddr;

/// Returns the inode of a descriptor's link, `socket:[INODE]`; `None` for another kind of descriptor.
pub(super) fn socket_inode(link: &str) -> Option<String> {
    Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

/// State of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Returns the inode and the address of each listening socket in the text of `/proc/net/tcp` or `tcp6`.
pub(super) fn listeners_in(table: &str) -> Vec<(String, SocketAddr)> {
    let listener = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        (*state == LISTENING).then_some(())?;
        Some(((*inode).to_owned(), socket_address(address)?))
    };
    table.lines().skip(1).filter_map(listener).collect()
}

/// Parses an address of `/proc/net/tcp`: words in hexadecimal digits, each in the byte order of the machine, and the port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    if address.len() == 8 {
        return Some((word(0)?, port).into());
    }
    let words = [word(0)?, word(1)?, word(2)?, word(3)?];
    let bytes: [u8; 16] = words.concat().try_into().ok()?;
    Some((bytes, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Process;

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_of_listening_sockets_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0\n   \
                     1: 0100007F:1389 0100007F:1388 01 00000000:00000000 00:00000000 00000000     0        0 124 1 0\n   \
                     2: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 125 1\n";
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let expected = [("123".to_owned(), address("127.0.0.1:5000")), ("125".to_owned(), address("[::1]:8080"))];
        assert_eq!(listeners_in(table), expected);
        assert_eq!(socket_inode("socket:[123]").as_deref(), Some("123"));
        assert_eq!(socket_inode("/dev/null"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_listeners_of_this_process_are_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(Process::Current.listens_at().contains(&listener.local_addr().unwrap()));
        assert!(!Process::Current.was_started_with("NEVER_SET=1"));
    }
}
