//! `together`: branches that start at the same time, each with the actors of its own steps.

use std::collections::BTreeSet;

use crate::harness::context::CaseContext;
use crate::harness::failure::StepResult;
use crate::harness::join_all;
use mychat_scenario::model::Step;

/// Steps that share an actor, in their order. They run one after the other, because an actor does one thing at a time.
#[derive(Default)]
struct Branch {
    actors: BTreeSet<String>,
    steps: Vec<Step>,
}

impl CaseContext {
    /// Runs steps at the same time. Returns the first failure, in the order of the file.
    pub(crate) async fn together(&mut self, steps: &[Step]) -> StepResult {
        let branches = branches(steps);
        let mut contexts: Vec<Self> =
            branches.iter().enumerate().map(|(number, branch)| self.fork(number, &branch.actors)).collect();
        let pairs = contexts.iter_mut().zip(&branches);
        let results = join_all(pairs.map(|(ctx, branch)| Box::pin(ctx.steps(&branch.steps))).collect()).await;
        for (number, ctx) in contexts.into_iter().enumerate() {
            self.rejoin(number, ctx);
        }
        results.into_iter().collect()
    }

    fn fork(&mut self, number: usize, actors: &BTreeSet<String>) -> Self {
        let conns = actors.iter().filter_map(|actor| self.conns.remove_entry(actor)).collect();
        Self {
            names: self.names.fork(number),
            conns,
            witness: None,
            env: self.env.clone(),
            observed: Vec::new(),
            declared: false,
            declare: None,
            fences: self.fences + 1000 * (number as u64 + 1),
            stale_lists: self.stale_lists.clone(),
            config: self.config.clone(),
        }
    }

    fn rejoin(&mut self, number: usize, ctx: Self) {
        self.names.join(ctx.names);
        self.conns.extend(ctx.conns);
        self.conns.extend(ctx.witness.map(|conn| (format!("zwitness{number}"), conn)));
        self.observed.extend(ctx.observed);
        self.declared |= ctx.declared;
        self.declare = self.declare.take().or(ctx.declare);
        self.fences = self.fences.max(ctx.fences);
    }
}

fn branches(steps: &[Step]) -> Vec<Branch> {
    let mut branches: Vec<Branch> = Vec::new();
    for step in steps {
        let mut actors = BTreeSet::new();
        add_actors(step, &mut actors);
        let mut branch = Branch { actors, steps: Vec::new() };
        let (same, others): (Vec<_>, Vec<_>) =
            branches.into_iter().partition(|known| !known.actors.is_disjoint(&branch.actors));
        for known in same {
            branch.actors.extend(known.actors);
            branch.steps.extend(known.steps);
        }
        branch.steps.push(step.clone());
        branches = others;
        branches.push(branch);
    }
    branches
}

/// Adds the actors whose connections a step uses to `actors`.
fn add_actors(step: &Step, actors: &mut BTreeSet<String>) {
    let mut add = |actor: &String| {
        actors.insert(actor.clone());
    };
    match step {
        Step::Connect(list) => list.iter().for_each(|(actor, _)| add(actor)),
        Step::Send(list) => list.iter().for_each(|(actor, _)| add(actor)),
        Step::Gets(list) | Step::First(list) => list.iter().for_each(|(actor, _)| add(actor)),
        Step::Close(list) => list.iter().for_each(|(actor, _)| add(actor)),
        Step::Open(actor) | Step::Bytes { actor, .. } | Step::List { actor, .. } | Step::Pages { actor, .. } => {
            add(actor);
        }
        Step::Silence(list)
        | Step::Closed(list)
        | Step::Alive(list)
        | Step::Observe(list)
        | Step::NoList(list)
        | Step::WithinLimit(list)
        | Step::Room { members: list, .. } => list.iter().for_each(add),
        Step::Together(steps) | Step::Control(steps) | Step::Repeat { steps, .. } => add_all_actors(steps, actors),
        Step::IfOpen { actor, steps, .. } => {
            add(actor);
            add_all_actors(steps, actors);
        }
        Step::Profile { is, otherwise, .. } => {
            for (_, steps) in is {
                add_all_actors(steps, actors);
            }
            add_all_actors(otherwise, actors);
        }
        Step::Procedure(procedure) => procedure.actors().into_iter().for_each(add),
        Step::Wait(_) => {}
    }
}

fn add_all_actors(steps: &[Step], actors: &mut BTreeSet<String>) {
    for step in steps {
        add_actors(step, actors);
    }
}
