//! Local ports: the number of connections that this machine can have to one server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::error::CommandError;
use mychat_report::grouped;

/// Ports of one address for connections to one server, where the system does not tell: the range that IANA reserves for it.
const USUAL_PORTS: usize = 16_384;
/// Addresses of the loopback interface that are used, 127.0.0.1 and so on.
const LOOPBACK_ADDRESSES: usize = 254;

/// Returns the addresses to connect from: those that were requested, or as many of the loopback interface as `users` need to
/// reach a server on this machine. Empty leaves the choice to the system.
///
/// Connections from one address to one server differ only by their port. Half of the ports are left to closed connections in
/// `TIME_WAIT`.
pub(crate) fn source_addresses(requested: &[IpAddr], target: SocketAddr, users: usize) -> Arc<[IpAddr]> {
    let needed = users.div_ceil(ports().div_ceil(2));
    match target.ip() {
        IpAddr::V4(ip) if requested.is_empty() && ip.is_loopback() && needed > 1 => {
            (1..=needed.min(LOOPBACK_ADDRESSES) as u8).map(|last| IpAddr::from([127, 0, 0, last])).collect()
        }
        _ => requested.into(),
    }
}

/// Fails if `users` need more ports than the addresses that they connect from have.
pub(crate) fn check_ports(sources: &[IpAddr], target: SocketAddr, users: usize) -> Result<(), CommandError> {
    let (each, addresses) = (ports(), sources.len().max(1));
    if users <= each * addresses {
        return Ok(());
    }
    let number = |count: usize| grouped(count as u64);
    let plural = if addresses == 1 { "" } else { "es" };
    let message = format!(
        "{} users need a port each for their connections to {target}, and this machine has {} ports for them: {} at each of \
         {addresses} address{plural}",
        number(users),
        number(each * addresses),
        number(each),
    );
    let hint = "widen net.ipv4.ip_local_port_range, add addresses with --source-ip, or run fewer users";
    Err(CommandError::could_not_run(message).hint(hint))
}

/// Returns the number of ports that outgoing connections of one address can have to one server.
fn ports() -> usize {
    mychat_os::proc::local_ports().map_or(USUAL_PORTS, |(first, last)| usize::from(last.saturating_sub(first)) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_reached_from_as_many_addresses_as_the_users_need() {
        let (each, target) = (ports(), SocketAddr::from(([127, 0, 0, 1], 5000)));
        let sources = |users| source_addresses(&[], target, users);
        assert!(sources(each / 2).is_empty());
        assert_eq!(*sources(each / 2 + 2), [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])]);
        assert_eq!(sources(usize::from(u16::MAX) * 500).len(), LOOPBACK_ADDRESSES);
        let far = SocketAddr::from(([192, 0, 2, 1], 5000));
        assert!(source_addresses(&[], far, 10 * each).is_empty());
    }

    #[test]
    fn users_without_a_port_are_refused_before_the_run() {
        let (each, far) = (ports(), SocketAddr::from(([192, 0, 2, 1], 5000)));
        let two = [IpAddr::from([192, 0, 2, 2]), IpAddr::from([192, 0, 2, 3])];
        assert!(check_ports(&[], far, each).is_ok());
        assert!(check_ports(&two, far, 2 * each).is_ok());
        let message = check_ports(&[], far, each + 1).unwrap_err().to_string();
        let wanted = format!(
            "users need a port each for their connections to 192.0.2.1:5000, and this machine has {} ports",
            grouped(each as u64)
        );
        assert!(message.contains(&wanted) && message.contains("--source-ip"), "{message}");
        assert!(check_ports(&two, far, 2 * each + 1).is_err());
    }
}
