//! Filling a page of a list, so that it fits one frame.

use alloc::vec::Vec;

use postcard::experimental::serialized_size;
use serde::Serialize;

use crate::limits::Limits;

/// Some rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether others follow.
    pub more: bool,
}

impl<T: Serialize> Page<T> {
    /// Takes rows from the front: at most a page of them, and no more than one frame carries.
    #[must_use]
    pub fn fill(rows: impl IntoIterator<Item = T>, limits: &Limits) -> Self {
        let mut page = Self { rows: Vec::new(), more: false };
        let mut bytes = 0;
        for row in rows {
            bytes += serialized_size(&row).unwrap_or(usize::MAX / 2);
            if page.rows.len() == limits.page_rows_max || bytes > limits.batch_bytes_max {
                page.more = true;
                break;
            }
            page.rows.push(row);
        }
        page
    }
}
