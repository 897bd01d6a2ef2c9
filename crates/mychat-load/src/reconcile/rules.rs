//! The protocol options of a server that change what it owes.

/// The protocol options of the server under test that change what it owes to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRules {
    /// A broadcast is also delivered to its sender (rule M3).
    pub broadcast_echo: bool,
    /// A private message to an unknown name is answered by `ERROR|404` (rule M2).
    pub unknown_answered: bool,
}

impl Default for DeliveryRules {
    fn default() -> Self {
        Self { broadcast_echo: true, unknown_answered: true }
    }
}
