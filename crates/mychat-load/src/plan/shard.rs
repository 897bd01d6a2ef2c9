//! The part of a plan's users that this machine drives, if several machines share a run.

use std::str::FromStr;

use super::UserId;

/// Every `of`-th user, starting with the user `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Index of this shard, from 0.
    pub index: u32,
    /// Number of shards.
    pub of: u32,
}

/// Maximum number of shards.
const MAX_SHARDS: u32 = 1000;

impl Shard {
    /// A single shard with all users.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Returns true if this shard drives `user`.
    pub const fn has(self, user: UserId) -> bool {
        user.0 % self.of == self.index
    }

    /// Returns true if there are other shards.
    pub const fn is_part(self) -> bool {
        self.of > 1
    }

    /// Returns how many of the first `users` users this shard drives.
    pub const fn count(self, users: u32) -> u32 {
        if self.index < users { (users - self.index).div_ceil(self.of) } else { 0 }
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Parses `2/3`, the second of three, or `job/3`, which takes the index from Kubernetes (an Indexed Job counts from 0).
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected I/N, such as 1/3, 2/3 and 3/3, or job/N; N is at most {MAX_SHARDS}");
        let (index, of) = text.split_once('/').ok_or_else(expected)?;
        let of: u32 = of.parse().ok().filter(|of| (1..=MAX_SHARDS).contains(of)).ok_or_else(expected)?;
        let index = if index == "job" {
            let index =
                std::env::var("JOB_COMPLETION_INDEX").map_err(|_| "JOB_COMPLETION_INDEX is not set".to_owned())?;
            index.parse().map_err(|_| format!("JOB_COMPLETION_INDEX is `{index}`, no number"))?
        } else {
            index.parse::<u32>().ok().and_then(|index| index.checked_sub(1)).ok_or_else(expected)?
        };
        if index < of { Ok(Self { index, of }) } else { Err(expected()) }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_exactly_one_shard() {
        for of in 1..5 {
            let shards: Vec<Shard> = (0..of).map(|index| Shard { index, of }).collect();
            for users in 0..12 {
                assert_eq!(shards.iter().map(|shard| shard.count(users)).sum::<u32>(), users);
            }
            assert!((0..12).map(UserId).all(|user| shards.iter().filter(|shard| shard.has(user)).count() == 1));
        }
    }

    #[test]
    fn shards_count_from_one() {
        assert_eq!("2/3".parse(), Ok(Shard { index: 1, of: 3 }));
        for wrong in ["0/3", "4/3", "1/0", "1", "a/3", "1/", "1/5000"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
