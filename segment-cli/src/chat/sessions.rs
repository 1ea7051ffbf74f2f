//! Whose sessions are here, so that a person comes once and goes once, however many sessions they have.

use std::collections::{BTreeMap, BTreeSet};

use segment_proto::messages::UserRow;
use segment_proto::{AccountId, SessionId, Who};

/// Accounts that are kept in mind. Policy: all are forgotten; then a session more or less is told as if it were a person.
const ACCOUNTS_MAX: usize = 4_096;

/// The sessions of each account, as far as they are known.
#[derive(Debug, Default)]
pub struct Sessions {
    of: BTreeMap<AccountId, BTreeSet<SessionId>>,
}

impl Sessions {
    /// Forgets everybody: a new list follows.
    pub fn clear(&mut self) {
        self.of.clear();
    }

    /// A session is here. Says whether a person has come with it; a visitor has no other session.
    pub fn add(&mut self, row: &UserRow) -> bool {
        if row.who.is_visitor() {
            return true;
        }
        if self.of.len() >= ACCOUNTS_MAX && !self.of.contains_key(&row.who.account) {
            self.of.clear();
        }
        let sessions = self.of.entry(row.who.account).or_default();
        sessions.insert(row.session) && sessions.len() == 1
    }

    /// A session has gone. Says whether the person has gone with it.
    pub fn remove(&mut self, who: &Who, session: &SessionId) -> bool {
        let Some(sessions) = self.of.get_mut(&who.account) else {
            return true;
        };
        sessions.remove(session);
        if !sessions.is_empty() {
            return false;
        }
        self.of.remove(&who.account);
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_proto::{DeviceId, UserName};

    use super::*;

    fn row(account: u64, session: u8) -> UserRow {
        let who = Who { account: AccountId(account), name: UserName::new("ada").unwrap() };
        UserRow { who, session: SessionId::from_random([session; 16]), device: DeviceId([session; 32]), address: None }
    }

    fn gone(sessions: &mut Sessions, row: &UserRow) -> bool {
        sessions.remove(&row.who, &row.session)
    }

    #[test]
    fn a_person_comes_with_the_first_session_and_goes_with_the_last() {
        let mut sessions = Sessions::default();
        let (first, second) = (row(7, 1), row(7, 2));
        assert_eq!([&first, &second, &second].map(|row| sessions.add(row)), [true, false, false]);
        assert!(!gone(&mut sessions, &first));
        assert!(gone(&mut sessions, &second));
        assert!(sessions.of.is_empty());
    }

    #[test]
    fn each_visitor_is_a_person() {
        let mut sessions = Sessions::default();
        assert!(sessions.add(&row(0, 1)) && sessions.add(&row(0, 2)));
        assert!(gone(&mut sessions, &row(0, 1)));
    }
}
