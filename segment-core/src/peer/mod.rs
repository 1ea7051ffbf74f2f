//! The machine of a peer.

pub mod authors;
pub mod context;
pub mod events;
pub mod requests;
