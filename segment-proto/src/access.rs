//! Rights in a channel: changes are entries of its log, the rights a fold over them.

use core::fmt;

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize, Serializer};

use crate::ids::{AccountId, DeviceId};

open_enum! {
    /// Who may see a channel.
    pub enum View {
        /// Every user.
        Public = 1 => "public",
        /// Only those whom the owner has allowed.
        Members = 2 => "members",
    }
}

open_enum! {
    /// What visitors may do in a public channel.
    pub enum Visitors {
        /// Read.
        Read = 1 => "read",
        /// Nothing.
        Nothing = 2 => "none",
    }
}

/// What a user may do in a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Rights(u8);

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// See the channel and its messages.
    pub const READ: Self = Self(1);
    /// Write messages.
    pub const SEND: Self = Self(2);
    /// Stream.
    pub const STREAM: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn include(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [(Self::READ, "read"), (Self::SEND, "send"), (Self::STREAM, "stream")];
        let mut held = named.iter().filter(|(right, _)| self.include(*right)).map(|(_, name)| *name);
        f.write_str(held.next().unwrap_or("none"))?;
        held.try_for_each(|name| write!(f, "+{name}"))
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        serializer.serialize_newtype_struct("Rights", &self.0)
    }
}

open_enum! {
    /// What an access entry changes.
    pub enum AccessOp {
        /// The user gets exactly the stated rights.
        Allow = 1 => "allow",
        /// The user loses every right.
        Deny = 2 => "deny",
        /// As deny, and removed from the members.
        Kick = 3 => "kick",
        /// `setting` is a [`View`].
        SetView = 4 => "set_view",
        /// `setting` is a [`Visitors`].
        SetVisitors = 5 => "set_visitors",
        /// `device` is to host the channel.
        Designate = 6 => "designate",
        /// `setting` is a [`Measure`], `amount` how much of it is kept.
        Retain = 7 => "retain",
        /// `setting` 1: the user is a moderator; 0: is not.
        SetRole = 8 => "set_role",
    }
}

open_enum! {
    /// By what a retention policy measures.
    pub enum Measure {
        /// Entries.
        Count = 1 => "count",
        /// Seconds since an entry was sequenced.
        Age = 2 => "age",
        /// Bytes of entries.
        Bytes = 3 => "bytes",
    }
}

/// How much of a log is kept; older entries go. 0: no limit by that measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Entries.
    pub count: u64,
    /// Seconds since an entry was sequenced.
    pub age_seconds: u64,
    /// Bytes of entries.
    pub bytes: u64,
}

impl Retention {
    /// Changes one of the limits.
    pub const fn set(&mut self, measure: Measure, amount: u64) {
        match measure {
            Measure::Count => self.count = amount,
            Measure::Age => self.age_seconds = amount,
            Measure::Bytes => self.bytes = amount,
            Measure::Unknown(_) => {}
        }
    }
}

/// The body of an access entry. Fields that an operation does not use are zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// What is changed.
    pub op: AccessOp,
    /// Whose rights.
    pub account: AccountId,
    /// That user's name when this was written, for people.
    pub name: String,
    /// The rights from now on.
    pub rights: Rights,
    /// A number whose meaning the operation gives.
    pub setting: u16,
    /// An amount whose meaning the operation gives.
    pub amount: u64,
    /// A device, for the operation that names one.
    pub device: Option<DeviceId>,
}

impl AccessChange {
    fn blank(op: AccessOp) -> Self {
        Self {
            op,
            account: AccountId::NOBODY,
            name: String::new(),
            rights: Rights::NONE,
            setting: 0,
            amount: 0,
            device: None,
        }
    }

    /// Gives a user exactly these rights.
    #[must_use]
    pub fn allow(account: AccountId, name: String, rights: Rights) -> Self {
        Self { account, name, rights, ..Self::blank(AccessOp::Allow) }
    }

    /// Takes all rights from a user.
    #[must_use]
    pub fn deny(account: AccountId, name: String) -> Self {
        Self { account, name, ..Self::blank(AccessOp::Deny) }
    }

    /// Takes all rights from a user and removes them.
    #[must_use]
    pub fn kick(account: AccountId, name: String) -> Self {
        Self { account, name, ..Self::blank(AccessOp::Kick) }
    }

    /// Sets who may see the channel.
    #[must_use]
    pub fn set_view(view: View) -> Self {
        Self { setting: view.code(), ..Self::blank(AccessOp::SetView) }
    }

    /// Sets what visitors may do.
    #[must_use]
    pub fn set_visitors(visitors: Visitors) -> Self {
        Self { setting: visitors.code(), ..Self::blank(AccessOp::SetVisitors) }
    }

    /// Moves the channel to another device, of this user.
    #[must_use]
    pub fn designate(account: AccountId, name: String, device: DeviceId) -> Self {
        Self { account, name, device: Some(device), ..Self::blank(AccessOp::Designate) }
    }

    /// Sets one measure of how much is kept; 0: everything.
    #[must_use]
    pub fn retain(measure: Measure, amount: u64) -> Self {
        Self { setting: measure.code(), amount, ..Self::blank(AccessOp::Retain) }
    }
}

/// The rights in a channel at some place of its log: the same at host and tracker, because both fold the same entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The owner, who may do everything.
    pub owner: AccountId,
    /// Who may see the channel.
    pub view: View,
    /// What visitors may do.
    pub visitors: Visitors,
    /// The device that is to host the channel, where the owner has named one.
    pub host: Option<DeviceId>,
    /// How much is kept.
    pub retention: Retention,
    grants: BTreeMap<AccountId, Rights>,
}

impl Access {
    /// The rights at the channel's creation.
    #[must_use]
    pub fn new(owner: AccountId, view: View, visitors: Visitors) -> Self {
        Self { owner, view, visitors, host: None, retention: Retention::default(), grants: BTreeMap::new() }
    }

    /// What an account may do; [`AccountId::NOBODY`] stands for every visitor.
    #[must_use]
    pub fn rights(&self, account: AccountId) -> Rights {
        if account == AccountId::NOBODY {
            return self.visitor_rights();
        }
        if account == self.owner {
            return Rights::ALL;
        }
        match self.grants.get(&account) {
            Some(rights) => *rights,
            None if self.view == View::Public => Rights::ALL,
            None => Rights::NONE,
        }
    }

    fn visitor_rights(&self) -> Rights {
        if self.view == View::Public && self.visitors == Visitors::Read {
            return Rights::READ;
        }
        Rights::NONE
    }

    /// Whether an account has rights of its own, other than those that everybody has.
    #[must_use]
    pub fn has_grant(&self, account: AccountId) -> bool {
        self.grants.contains_key(&account)
    }

    /// Whether `author` may write this change.
    #[must_use]
    pub fn may_change(&self, author: AccountId) -> bool {
        author == self.owner
    }

    /// Applies a change. One that this build does not know changes nothing.
    pub fn apply(&mut self, change: &AccessChange) {
        match change.op {
            AccessOp::Allow => self.grant(change.account, change.rights),
            AccessOp::Deny | AccessOp::Kick => self.grant(change.account, Rights::NONE),
            AccessOp::SetView => self.view = View::from_code(change.setting),
            AccessOp::SetVisitors => self.visitors = Visitors::from_code(change.setting),
            AccessOp::Designate => self.host = change.device.or(self.host),
            AccessOp::Retain => self.retention.set(Measure::from_code(change.setting), change.amount),
            AccessOp::SetRole | AccessOp::Unknown(_) => {}
        }
    }

    fn grant(&mut self, account: AccountId, rights: Rights) {
        if account != self.owner && account != AccountId::NOBODY {
            self.grants.insert(account, rights);
        }
    }
}
