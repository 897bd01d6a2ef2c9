//! What the users saw: who sent what when ([`sent`]), what arrived where ([`inbox`]), how long it took ([`recorder`]),
//! and the reckoning of what was owed against what came ([`ledger`]).

pub mod books;
pub mod example;
pub mod seen;
pub mod inbox;
pub mod ledger;
pub mod recorder;
pub mod overdue;
pub mod packed;
pub mod fanout;
pub mod roster;
pub mod sent;
pub mod share;
pub mod totals;
pub mod unlisted;
pub mod visit;
