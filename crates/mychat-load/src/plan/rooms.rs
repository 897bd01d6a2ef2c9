//! The rooms of a plan: their names, and who joins which.

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;
use rustc_hash::FxHashMap;

use super::{Addressee, Plan, RandomStream, RoomId, UserId};
use mychat_scenario::Scenario;

/// Draws for one user after which the rest of its rooms is filled up in order.
const DRAWS_PER_ROOM: usize = 64;

/// The rooms of all groups. Groups that name the same room share it.
#[derive(Debug, Default)]
pub struct RoomPlan {
    names: Vec<Box<str>>,
    /// By group, then by number.
    by_group: Vec<Vec<RoomId>>,
    /// By group: the shares of the rooms, added up; empty where all rooms have the same share.
    cumulative: Vec<Vec<f64>>,
}

impl RoomPlan {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut plan = Self::default();
        let mut known: FxHashMap<Box<str>, RoomId> = FxHashMap::default();
        for group in &scenario.groups {
            let (mut ids, mut cumulative) = (Vec::new(), Vec::new());
            if let Some(rooms) = &group.rooms {
                for number in 1..=rooms.count {
                    let name: Box<str> = rooms.name(&group.name, number).into();
                    let id = *known.entry(name.clone()).or_insert_with(|| {
                        plan.names.push(name);
                        RoomId(plan.names.len() as u32 - 1)
                    });
                    ids.push(id);
                }
                if rooms.zipf.is_some() {
                    let add = |sum: &mut f64, share: f64| {
                        *sum += share;
                        Some(*sum)
                    };
                    cumulative = rooms.shares().into_iter().scan(0.0, add).collect();
                }
            }
            plan.by_group.push(ids);
            plan.cumulative.push(cumulative);
        }
        plan
    }

    /// Returns the name of a room; an empty name for a room that is not in the plan.
    pub fn name(&self, room: RoomId) -> &str {
        self.names.get(room.index()).map_or("", |name| name)
    }

    /// Returns the number of rooms.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Returns the room of a group that `draw` selects, a number from 0 to below 1, or the next one that `is_free`.
    fn pick(&self, group: usize, draw: f64, is_free: impl Fn(RoomId) -> bool) -> Option<RoomId> {
        let (rooms, cumulative) = (&self.by_group[group], &self.cumulative[group]);
        let first = if cumulative.is_empty() {
            (draw * rooms.len() as f64) as usize
        } else {
            cumulative.partition_point(|sum| *sum <= draw)
        };
        let first = first.min(rooms.len().saturating_sub(1));
        rooms[first..].iter().chain(&rooms[..first]).copied().find(|room| is_free(*room))
    }
}

impl Plan {
    /// Returns the rooms that a user joins after each login.
    pub fn home_rooms(&self, user: UserId) -> Vec<RoomId> {
        let group = self.users[user.index()].group.index();
        let Some(rooms) = &self.scenario.groups[group].rooms else { return Vec::new() };
        let each = rooms.each as usize;
        let of_group = &self.rooms.by_group[group];
        if rooms.zipf.is_none() {
            // Dealt out like cards: all rooms have the same number of members, or differ by one.
            let first = (user.0 - self.members[group].start) as usize * each;
            return (first..first + each).map(|number| of_group[number % of_group.len()]).collect();
        }
        let mut rng = self.rng(user, RandomStream::Rooms);
        let mut home: Vec<RoomId> = Vec::with_capacity(each);
        for _ in 0..each * DRAWS_PER_ROOM {
            let drawn = self.rooms.pick(group, draw(&mut rng), |_| true);
            home.extend(drawn.filter(|room| !home.contains(room)));
            if home.len() == each {
                return home;
            }
        }
        let rest: Vec<RoomId> = of_group.iter().copied().filter(|room| !home.contains(room)).collect();
        home.extend(rest.into_iter().take(each - home.len()));
        home
    }

    /// Returns the room that a user joins: one that `is_free`, selected by `draw`. `None` if there is none.
    pub fn room_to_join(&self, user: UserId, draw: u32, is_free: impl Fn(RoomId) -> bool) -> Option<RoomId> {
        let group = self.users[user.index()].group.index();
        self.rooms.pick(group, f64::from(draw) / (f64::from(u32::MAX) + 1.0), is_free)
    }

    /// Returns the addressee of a message to `room`.
    pub fn room_addressee(&self, room: RoomId) -> Addressee {
        Addressee::of_room(room, self.users.len())
    }

    /// Returns the room to which a message is addressed; `None` if it goes to a user, to everybody or to nobody.
    pub fn room_of(&self, to: Addressee) -> Option<RoomId> {
        to.room(self.users.len()).filter(|room| room.index() < self.rooms.count())
    }
}

fn draw(rng: &mut ChaCha8Rng) -> f64 {
    rng.random()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn plan(users: &str) -> Plan {
        let text = format!("name: t\nusers: {{ {users} }}\nload: [ {{ hold: 1s }} ]");
        let loaded = mychat_scenario::parse("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        Plan::new(Arc::new(loaded.scenario), 1)
    }

    fn members(plan: &Plan) -> Vec<usize> {
        let mut members = vec![0; plan.rooms.count()];
        for user in plan.user_ids() {
            let home = plan.home_rooms(user);
            let distinct: std::collections::BTreeSet<_> = home.iter().collect();
            assert_eq!(distinct.len(), home.len());
            for room in &home {
                members[room.index()] += 1;
            }
        }
        members
    }

    #[test]
    fn users_are_dealt_out_evenly() {
        let even = plan("u: { count: 1000, rooms: { count: 100, each: 3 } }");
        assert_eq!(members(&even), vec![30; 100]);
    }

    #[test]
    fn groups_with_the_same_names_share_their_rooms() {
        let shared = plan(
            "speakers: { count: 10, rooms: { count: 10, name: \"r{n}\" } }, \
             listeners: { count: 90, rooms: { count: 10, name: \"r{n}\" } }",
        );
        assert_eq!(members(&shared), vec![10; 10]);
    }

    #[test]
    fn zipf_makes_the_first_rooms_popular() {
        let zipf = members(&plan("u: { count: 1000, rooms: { count: 50, each: 3, zipf: 1.1 } }"));
        assert_eq!(zipf.iter().sum::<usize>(), 3000);
        assert!(zipf[0] > 400 && zipf[0] > 3 * zipf[9], "{zipf:?}");
        let all = members(&plan("u: { count: 10, rooms: { count: 50, each: 50, zipf: 5 } }"));
        assert_eq!(all, vec![10; 50], "the unlikely ones are filled up");
    }
}
