//! Framing and readings of the server of a load: from the options, or from a short dialogue before the first login. A load
//! needs two of the readings: without them, a server that sends no broadcast back to its sender would seem to lose one copy
//! of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mychat_proto::Framing;

use crate::error::CommandError;
use crate::load::RunRequest;
use mychat_conformance::TestEnv;
use mychat_conformance::probe::{self, Profile, profile};
use mychat_load::engine::shared::ProtocolSettings;
use mychat_load::reconcile::DeliveryRules;
use mychat_scenario::model::{Action, FramingChoice, Scenario};

/// Known properties of a server before a load.
#[derive(Debug, Clone)]
pub(crate) struct LoadProfile {
    pub(crate) protocol: ProtocolSettings,
    pub(crate) delivery_rules: DeliveryRules,
    pub(crate) profile: Profile,
}

/// Properties given on the command line, in the file and in a profile.
#[derive(Debug)]
pub(crate) struct ProfileOptions {
    framing: FramingChoice,
    timeout: Duration,
    declared: BTreeMap<String, String>,
}

impl ProfileOptions {
    /// Gathers the options. The command line overrides the profile, and the profile overrides the scenario.
    pub(crate) fn read(request: &RunRequest, scenario: &Scenario) -> Result<Self, CommandError> {
        let declared = match &request.profile {
            None => BTreeMap::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    CommandError::usage(format!("cannot read the profile {}: {error}", path.display()))
                })?;
                profile::parse(&text)
                    .map_err(|message| CommandError::usage(format!("{}: {message}", path.display())))?
            }
        };
        let declared_framing = declared.get("framing").and_then(|name| match name.as_str() {
            "lf" => Some(FramingChoice::Lf),
            "crlf" => Some(FramingChoice::CrLf),
            "raw" => Some(FramingChoice::Raw),
            _ => None,
        });
        let framing = request.framing.filter(|choice| *choice != FramingChoice::Auto);
        Ok(Self {
            framing: framing.or(declared_framing).unwrap_or(scenario.framing),
            timeout: request.timeout.unwrap_or(scenario.timeout),
            declared,
        })
    }

    /// Returns the readings that the profile declares.
    pub(crate) fn into_declared(self) -> BTreeMap<String, String> {
        self.declared
    }

    /// Returns the properties that are known without a dialogue, which suffice for the reference server.
    pub(crate) fn unprobed(&self) -> LoadProfile {
        let framing = match self.framing {
            FramingChoice::CrLf => Framing::CrLf,
            FramingChoice::Raw => Framing::Raw,
            FramingChoice::Auto | FramingChoice::Lf => Framing::Lf,
        };
        self.load_profile(framing, framing, Profile::default())
    }

    /// Probes the server. If it does not reply, the protocol's rules are assumed: its users will not log in either.
    pub(crate) async fn probe(&self, target: SocketAddr, seed: u64) -> LoadProfile {
        let nonce = mychat_scenario::template::actor_names::nonce(seed ^ u64::from(std::process::id()));
        let found = probe::probe_framing(target, self.framing, self.timeout, &nonce).await;
        let declared = Arc::new(self.declared.clone());
        let env = TestEnv { declared, ..TestEnv::new(target, found.framing, self.timeout, seed) };
        // A complete profile leaves nothing to probe, and the server gets no message besides the scenario's.
        let profile = if ["broadcast_echo", "unknown_user"].iter().all(|key| self.declared.contains_key(*key)) {
            Profile::default()
        } else {
            profile::observe_delivery(&env, &found).await
        };
        self.load_profile(found.framing.send, found.framing.receive, profile)
    }

    fn load_profile(&self, framing: Framing, replies: Framing, mut profile: Profile) -> LoadProfile {
        profile.values.extend(self.declared.clone());
        profile.values.insert("framing".to_owned(), probe::framing_name(framing).to_owned());
        profile.declared = self.declared.keys().cloned().collect();
        let is = |key: &str, value: &str| profile.values.get(key).is_some_and(|known| known == value);
        let delivery_rules = DeliveryRules {
            broadcast_echo: !is("broadcast_echo", "false"),
            unknown_answered: !is("unknown_user", "silent"),
        };
        LoadProfile {
            protocol: ProtocolSettings { framing, reply_framing: replies, reply_timeout: self.timeout },
            delivery_rules,
            profile,
        }
    }
}

impl LoadProfile {
    /// Fails if the scenario cannot be run against such a server.
    pub(crate) fn check_supports(&self, scenario: &Scenario) -> Result<(), CommandError> {
        let is_raw = !self.protocol.reply_framing.is_terminated();
        if let Some(group) = scenario.groups.iter().find(|group| is_raw && group.rooms.is_some()) {
            return Err(CommandError::usage(format!(
                "the server uses raw framing (its messages have no terminator), in which there are no chat rooms (rule N3); \
                 remove `rooms` from `{}` for this server, or give --framing lf",
                group.name
            )));
        }
        let halves = |action: &Action| matches!(action, Action::HalfFrame { .. });
        let group = scenario.groups.iter().find(|group| group.actions.iter().any(|weighted| halves(&weighted.action)));
        let Some(group) = group.filter(|_| !self.protocol.framing.is_terminated()) else { return Ok(()) };
        Err(CommandError::usage(format!(
            "the server uses raw framing (its messages have no terminator), and the users of `{}` do `half_frame`: \
             each half would be a message of its own; remove `half_frame` for this server, or give --framing lf",
            group.name
        )))
    }
}
