//! What the directory keeps on disk, and how.

use alloc::format;
use alloc::string::String;

use bytes::Bytes;
use segment_proto::{AccountId, ChannelId, DeviceId, Hash, SessionId, UnixMillis, UserName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::store::{Fatal, Record, Table, Write};

/// Somebody who can log in. Key: the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountRecord {
    /// Unique, and so is its skeleton.
    pub name: UserName,
    /// Of the password, as a PHC string.
    pub hash: String,
    /// When it was made.
    pub created: UnixMillis,
}

/// A session that may resume. Key: its device, which has no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// Of its token.
    pub token: Hash,
    /// When the token was last used, to the hour.
    pub used: UnixMillis,
}

/// A membership. Key: the channel, then the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberRecord {
    /// Since when.
    pub since: UnixMillis,
}

pub(super) fn put<T: Serialize>(table: Table, key: Bytes, value: &T) -> Write {
    // Owned strings and numbers always have an encoding; what had none would be refused by `read`.
    Write::Put { table, key, value: postcard::to_allocvec(value).unwrap_or_default().into() }
}

pub(super) fn read<T: DeserializeOwned>(record: &Record) -> Result<T, Fatal> {
    postcard::from_bytes(&record.value).map_err(|_| unreadable(record))
}

pub(super) fn unreadable(record: &Record) -> Fatal {
    Fatal(format!("a record of table {:?} cannot be read; restore the store from a backup", record.table))
}

pub(super) fn account_key(account: AccountId) -> Bytes {
    Bytes::copy_from_slice(&account.0.to_be_bytes())
}

pub(super) fn account_of(record: &Record) -> Result<AccountId, Fatal> {
    let key = record.key.as_ref().try_into().map_err(|_| unreadable(record))?;
    Ok(AccountId(u64::from_be_bytes(key)))
}

pub(super) fn device_key(device: &DeviceId) -> Bytes {
    Bytes::copy_from_slice(device.as_bytes())
}

pub(super) fn device_of(record: &Record) -> Result<DeviceId, Fatal> {
    record.key.as_ref().try_into().map(DeviceId).map_err(|_| unreadable(record))
}

pub(super) fn channel_key(channel: ChannelId) -> Bytes {
    Bytes::copy_from_slice(channel.as_bytes())
}

pub(super) fn member_key(channel: ChannelId, account: AccountId) -> Bytes {
    [channel.as_bytes().as_slice(), &account.0.to_be_bytes()].concat().into()
}

pub(super) fn member_of(record: &Record) -> Result<(ChannelId, AccountId), Fatal> {
    let (channel, account) = record.key.split_first_chunk::<16>().ok_or_else(|| unreadable(record))?;
    let account = account.try_into().map_err(|_| unreadable(record))?;
    Ok((ChannelId(uuid::Uuid::from_bytes(*channel)), AccountId(u64::from_be_bytes(account))))
}
