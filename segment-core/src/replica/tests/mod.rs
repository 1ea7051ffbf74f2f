#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bringing;
mod carrying;
mod crossing;
mod delivering;
mod following;
mod forking;
mod paging;
mod past;
mod refusing;
mod rig;
mod sending;
mod writing;
