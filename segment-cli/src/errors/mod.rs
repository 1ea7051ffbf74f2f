//! How commands fail: one [`Problem`] for people, scripts and JSON, and the one table behind it.

mod docs;
mod problem;
mod table;

pub use docs::reference;
pub use problem::Problem;
pub use table::{LocalReason, Row, of_local, of_wire};

#[cfg(test)]
mod tests;
