//! The rules of Segment's sync protocol as a model, explored exhaustively in small configurations.
//!
//! This crate is an independent statement of the protocol: it depends on no other crate of the workspace, shares no
//! code with the machines that run, and is small enough to be read beside the protocol's text. Where `segment-core`
//! has a rule of the same name, both mean the same sentence.
//!
//! Read in this order:
//!
//! 1. [`rules`]: every rule by name, with its sentence.
//! 2. [`envelope`], [`log`], [`accept`]: what is written, where it stands, and the accept rule.
//! 3. [`machines`], [`world`]: the state of authors, hosts and the tracker, and what they have said.
//! 4. [`conversation`]: what an author makes of a sequencer's answers.
//! 5. [`steps`]: everything that can happen, including every fault. [`step`] says it in words.
//! 6. [`safety`], [`convergence`]: what must hold in every world, and what must stay reachable from it.
//! 7. [`configurations`]: the small worlds. [`needed`]: each rule removed, and where that is caught.
//! 8. [`explore`]: breadth first, the shortest schedule first.
//!
//! # What is checked
//!
//! *Soundness*, in every reachable world: a committed entry never moves or vanishes within a generation; each content
//! stands at most once; an author's contents stand in their order; nothing stands above its author's kick; an answer
//! stands above what it answers; what was told refused is never committed; what was told committed, stored or queued
//! is on a disk; one process sequences in an epoch.
//!
//! *Convergence*: from every reachable world a converged one can be reached by [`step::Kind::Fresh`] steps alone,
//! without another fault, and without an old frame arriving by luck. Converged: outboxes and queues are empty,
//! everything acknowledged stands, and a host owns the epoch with the tracker's whole log.
//!
//! # Why the explorer is written by hand
//!
//! stateright 0.31 was looked at first. Its `eventually` properties hold along single paths and are documented not to
//! work where paths end in cycles, and worlds here go round in circles all the time (a grant lost, a hello repeated);
//! "from every world a converged one can be *reached*, by fresh steps" is a question about the graph as a whole, which
//! it cannot ask. It also brings 38 crates, a web server among them, for what is 200 lines in [`explore`].

pub mod accept;
pub mod config;
pub mod configurations;
pub mod convergence;
pub mod conversation;
pub mod envelope;
pub mod explore;
pub mod fingerprint;
pub mod log;
pub mod machines;
pub mod needed;
pub mod report;
pub mod rules;
pub mod safety;
pub mod step;
pub mod steps;
pub mod world;

#[cfg(test)]
mod tests;
