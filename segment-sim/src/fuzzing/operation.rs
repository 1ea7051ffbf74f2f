//! One operation of a list.

/// What happens next. Numbers are taken modulo what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The next frame arrives somewhere.
    Deliver(u8),
    /// Everything under way arrives, once.
    DeliverAll,
    /// The first operation of a node is done.
    Complete(u8),
    /// All are.
    CompleteAll(u8),
    /// A password is done before what was begun earlier.
    CompleteLast(u8),
    /// A dial comes to something.
    Accept(u8),
    /// A dial comes to nothing.
    Fail(u8),
    /// So many times two milliseconds pass, squared.
    Wait(u8),
    /// A node is woken for nothing.
    Wake(u8),
    /// A link breaks.
    Break(u8),
    /// A send queue is full, or is not any more.
    Room(u8),
    /// A frame of the past arrives again, somewhere.
    Repeat(u8, u8),
    /// The same with one byte changed.
    Alter(u8, u8, u8),
    /// A node dies, and starts with what was on its disk.
    Restart(u8),
    /// Somebody wants something.
    Command(u8, u8),
}

impl Operation {
    /// The first operation of `bytes`, and what is behind it.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (code, rest) = bytes.split_first()?;
        let mut arguments = rest.iter().copied();
        let mut next = || arguments.next().unwrap_or_default();
        let operation = match code % 24 {
            0..=5 => Self::Deliver(next()),
            6 | 7 => Self::DeliverAll,
            8 | 9 => Self::Complete(next()),
            10 => Self::CompleteAll(next()),
            11 => Self::CompleteLast(next()),
            12 => Self::Accept(next()),
            13 => Self::Fail(next()),
            14 => Self::Wait(next()),
            15 => Self::Wake(next()),
            16 => Self::Break(next()),
            17 => Self::Room(next()),
            18 => Self::Repeat(next(), next()),
            19 => Self::Alter(next(), next(), next()),
            20 => Self::Restart(next()),
            _ => Self::Command(next(), next()),
        };
        let left = arguments.len();
        Some((operation, &rest[rest.len() - left..]))
    }
}
