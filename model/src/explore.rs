//! Breadth first through everything that can happen.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::fingerprint::{Visited, fingerprint};
use crate::safety::Breach;
use crate::step::{Kind, Step};
use crate::steps::Model;
use crate::world::World;

/// What exploring has found.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every reachable world is sound, and from each a converged one can be reached by fresh steps.
    Holds {
        /// How many of them are converged.
        converged: usize,
    },
    /// The limit was reached: every world so far is sound; whether each can converge is not known.
    CutOff,
    /// A rule of soundness is broken, after the shortest schedule that does so.
    Unsound {
        /// What is broken.
        breach: Breach,
        /// What happened.
        schedule: Vec<Step>,
    },
    /// From some worlds no converged one can be reached any more.
    Stuck {
        /// How many worlds.
        worlds: usize,
        /// The shortest schedule to one of them.
        schedule: Vec<Step>,
    },
}

impl Verdict {
    /// Whether something is wrong.
    #[must_use]
    pub const fn is_violation(&self) -> bool {
        matches!(self, Self::Unsound { .. } | Self::Stuck { .. })
    }
}

/// What exploring has found, and how much was explored.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many different worlds were reached.
    pub states: usize,
    /// How many steps between them.
    pub transitions: usize,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub verdict: Verdict,
}

/// How a world was first reached.
#[derive(Clone, Copy)]
struct Origin {
    from: u32,
    choice: u16,
}

struct Explorer<'a> {
    model: &'a Model,
    visited: Visited,
    origins: Vec<Origin>,
    queue: VecDeque<(u32, World)>,
    fresh: Vec<(u32, u32)>,
    converged: Vec<u32>,
    transitions: usize,
}

impl Model {
    /// Explores all that can happen, up to a number of worlds.
    #[must_use]
    pub fn explore(&self, limit: usize) -> Report {
        let began = Instant::now();
        let mut explorer = Explorer::new(self);
        let verdict = explorer.run(limit);
        Report { states: explorer.origins.len(), transitions: explorer.transitions, took: began.elapsed(), verdict }
    }
}

impl<'a> Explorer<'a> {
    fn new(model: &'a Model) -> Self {
        let first = model.first();
        let mut visited = Visited::default();
        visited.insert(fingerprint(&first), 0);
        Self {
            model,
            visited,
            origins: vec![Origin { from: 0, choice: 0 }],
            queue: VecDeque::from([(0, first)]),
            fresh: Vec::new(),
            converged: Vec::new(),
            transitions: 0,
        }
    }

    fn run(&mut self, limit: usize) -> Verdict {
        while let Some((number, world)) = self.queue.pop_front() {
            if let Some(breach) = self.model.breach(&world) {
                return Verdict::Unsound { breach, schedule: self.schedule(number, None) };
            }
            if self.model.converged(&world) {
                self.converged.push(number);
            }
            if let Some((breach, choice)) = self.visit_next(number, &world) {
                return Verdict::Unsound { breach, schedule: self.schedule(number, Some(choice)) };
            }
            if self.origins.len() > limit {
                return Verdict::CutOff;
            }
        }
        self.queue = VecDeque::new();
        self.visited = Visited::default();
        self.judge_convergence()
    }

    fn visit_next(&mut self, number: u32, world: &World) -> Option<(Breach, u16)> {
        for (choice, next) in (0..).zip(self.model.next(world)) {
            self.transitions += 1;
            if let Some(breach) = self.model.step_breach(world, &next.world) {
                return Some((breach, choice));
            }
            let new = self.origins.len() as u32;
            let reached = *self.visited.entry(fingerprint(&next.world)).or_insert(new);
            if reached == new {
                self.origins.push(Origin { from: number, choice });
                self.queue.push_back((new, next.world));
            }
            if next.kind == Kind::Fresh {
                self.fresh.push((reached, number));
            }
        }
        None
    }

    /// The steps from the first world to this one, and perhaps one more.
    fn schedule(&self, number: u32, last: Option<u16>) -> Vec<Step> {
        let mut choices: Vec<u16> = last.into_iter().collect();
        let mut at = number;
        while at != 0 {
            let origin = self.origins[at as usize];
            choices.push(origin.choice);
            at = origin.from;
        }
        choices.reverse();
        self.replay(&choices)
    }

    fn replay(&self, choices: &[u16]) -> Vec<Step> {
        let mut world = self.model.first();
        let mut steps = Vec::new();
        for choice in choices {
            let Some(next) = self.model.next(&world).into_iter().nth(usize::from(*choice)) else { break };
            steps.push(next.step);
            world = next.world;
        }
        steps
    }

    /// Goes back from the converged worlds along fresh steps; what is not met can never converge.
    fn judge_convergence(&self) -> Verdict {
        let reaches = backwards(self.origins.len(), &self.fresh, &self.converged);
        let stuck = reaches.iter().filter(|reaches| !**reaches).count();
        match reaches.iter().position(|reaches| !reaches) {
            None => Verdict::Holds { converged: self.converged.len() },
            Some(first) => Verdict::Stuck { worlds: stuck, schedule: self.schedule(first as u32, None) },
        }
    }
}

/// Which nodes reach a goal. Edges are (to, from).
fn backwards(nodes: usize, edges: &[(u32, u32)], goals: &[u32]) -> Vec<bool> {
    let mut begins = vec![0_u32; nodes + 1];
    for (to, _) in edges {
        begins[*to as usize + 1] += 1;
    }
    for node in 0..nodes {
        begins[node + 1] += begins[node];
    }
    let mut filled = begins.clone();
    let mut sources = vec![0_u32; edges.len()];
    for (to, from) in edges {
        sources[filled[*to as usize] as usize] = *from;
        filled[*to as usize] += 1;
    }
    let mut reaches = vec![false; nodes];
    let mut open = goals.to_vec();
    open.iter().for_each(|goal| reaches[*goal as usize] = true);
    while let Some(node) = open.pop() {
        let (begin, end) = (begins[node as usize] as usize, begins[node as usize + 1] as usize);
        for source in &sources[begin..end] {
            if !std::mem::replace(&mut reaches[*source as usize], true) {
                open.push(*source);
            }
        }
    }
    reaches
}
