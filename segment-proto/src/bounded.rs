//! Lists and texts with a limit that holds while they are read: nothing is allocated for more.

use core::fmt;
use core::marker::PhantomData;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limits::{
    BATCH_ENTRIES_MAX, ENVELOPE_BYTES_MAX, EPOCHS_MAX, PAGE_ROWS_MAX, STREAM_PATH_MAX, STREAM_TRACKS_MAX,
    TEXT_BYTES_MAX,
};
use crate::log::Entry;

/// The rows of a page.
pub(crate) fn page<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    list::<D, T, PAGE_ROWS_MAX>(deserializer)
}

/// The items of a batch.
pub(crate) fn batch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    list::<D, T, BATCH_ENTRIES_MAX>(deserializer)
}

/// A table of epochs.
pub(crate) fn epochs<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    list::<D, T, EPOCHS_MAX>(deserializer)
}

/// The tracks of a stream, or what there is one of for each.
pub(crate) fn tracks<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    list::<D, T, STREAM_TRACKS_MAX>(deserializer)
}

/// The way of a stream.
pub(crate) fn path<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    list::<D, T, STREAM_PATH_MAX>(deserializer)
}

/// A batch that a sequencer has let in: it never lets in an envelope that is too large.
pub(crate) fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    let entries: Vec<Entry> = batch(deserializer)?;
    let longest = entries.iter().map(|entry| entry.envelope.bytes().len()).max().unwrap_or_default();
    if longest > ENVELOPE_BYTES_MAX {
        return Err(D::Error::custom("an envelope is over its limit"));
    }
    Ok(entries)
}

/// A text that has a closer rule of its own, which its reader checks.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    if text.len() > TEXT_BYTES_MAX {
        return Err(D::Error::custom("a text is over its limit"));
    }
    Ok(text.to_string())
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

struct List<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        // No hint: more is announced than there are bytes, and reading ends where they do.
        let announced = items.size_hint().unwrap_or_default();
        if announced > MAX {
            return Err(A::Error::invalid_length(announced, &self));
        }
        let mut list = Vec::with_capacity(announced);
        while let Some(item) = items.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            list.push(item);
        }
        Ok(list)
    }
}
