//! Making an account.

use alloc::boxed::Box;
use core::time::Duration;

use segment_proto::messages::{AuthMethod, Presence, Register, RegisterAgain};
use segment_proto::{AccountId, Limits, LinkId, Reason, Secret, UserName, Who};

use super::guard::Network;
use super::links::Stage;
use super::records::AccountRecord;
use super::refusal::Refusal;
use super::{Directory, DirectoryTask};
use crate::outbox::Asker;
use crate::store::{Operation, Outcome};
use crate::tracker::context::Context;

/// Bytes of a password.
const PASSWORD_BYTES: core::ops::RangeInclusive<usize> = 8..=256;

/// A new account whose password is being hashed.
#[derive(Debug)]
pub struct Registration {
    from: Asker,
    who: Who,
    presence: Presence,
}

impl Directory {
    pub(super) fn on_register(&mut self, from: Asker, m: Register, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let network = self.may_log_in(from.link, m.auth_method, m.presence, cx.limits)?;
        let name = UserName::new(&m.name)?;
        check_password(&m.secret)?;
        // The name first: whoever asks again because an answer was lost has to hear that it is taken.
        let account = self.accounts.reserve(&name, cx.limits.accounts_max)?;
        self.begin_registration(
            Registration { from, who: Who { account, name }, presence: m.presence },
            m.secret,
            network,
            cx,
        )
    }

    /// An account that was made after the copy of which this tracker's store was put back.
    pub(super) fn on_register_again(
        &mut self,
        from: Asker,
        m: RegisterAgain,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let network = self.may_log_in(from.link, m.auth_method, m.presence, cx.limits)?;
        check_password(&m.secret)?;
        let is_own = m.device.is_signed_by(&cx.identity.device(), &cx.identity.verifier());
        let asks = self.links.get(from.link).map(|link| link.device);
        if !is_own || asks != Some(m.device.device) || m.device.revoked.is_some() {
            return Err(Reason::BadCertificate.into());
        }
        let who = m.device.who.clone();
        self.accounts.reserve_again(&who, cx.limits.accounts_max)?;
        self.begin_registration(Registration { from, who, presence: m.presence }, m.secret, network, cx)
    }

    /// Its name is taken already.
    fn begin_registration(
        &mut self,
        registration: Registration,
        secret: Secret,
        network: Network,
        cx: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let from = registration.from;
        let device = self.check_device(from.link, None);
        if let Err(refusal) = device.and_then(|()| Ok(self.may_hash_for(network, cx)?)) {
            self.accounts.release(&registration.who.name);
            return Err(refusal);
        }
        self.links.set_stage(from.link, Stage::LoggingIn);
        let salt = self.salt(from.link);
        let task = DirectoryTask::Registration(Box::new(registration));
        self.perform(from, task, Operation::HashPassword { secret, salt }, cx);
        Ok(())
    }

    fn may_hash_for(&mut self, network: Network, cx: &Context<'_>) -> Result<(), Duration> {
        self.guard.begin_hash(cx.limits)?;
        self.guard.try_register(network, cx.limits, cx.now.mono).inspect_err(|_| self.guard.end_hash())
    }

    pub(super) fn on_hashed(&mut self, registration: Registration, outcome: Outcome, cx: &mut Context<'_>) {
        self.guard.end_hash();
        let Registration { from, who, presence } = registration;
        let name = who.name.clone();
        let opened = match (self.finish(from), outcome) {
            (true, Outcome::PasswordHashed(hash)) => {
                let account = AccountRecord { name: name.clone(), hash, created: cx.now.wall };
                self.open_session(from, who, presence, Some(account), cx)
            }
            _ => Err(Reason::StorageFailed.into()),
        };
        if let Err(refusal) = opened {
            self.accounts.release(&name);
            self.give_up_login(from, &refusal, cx);
        }
    }

    /// What is asked of every login that costs a hash, before it does.
    pub(super) fn may_log_in(
        &self,
        link: LinkId,
        auth_method: AuthMethod,
        presence: Presence,
        limits: &Limits,
    ) -> Result<Network, Refusal> {
        let network = self.may_begin(link, limits)?;
        super::presence::check_wish(presence)?;
        match auth_method {
            AuthMethod::Password => Ok(network),
            AuthMethod::Unknown(_) => Err(Reason::UnsupportedAuth.into()),
        }
    }

    /// Whether a device is free, or belongs to this account: what it has written must keep its author.
    pub(super) fn check_device(&self, link: LinkId, account: Option<AccountId>) -> Result<(), Refusal> {
        let Some(link) = self.links.get(link) else { return Ok(()) };
        let owner = self.devices.owner(&link.device).or(self.sessions.opening_on(&link.device));
        match owner {
            Some(owner) if Some(owner) != account => {
                Err(Refusal::new(Reason::NotNow, "this device belongs to another account: use another profile"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn salt(&mut self, link: LinkId) -> [u8; 16] {
        self.links.get_mut(link).map(|link| link.random.bytes()).unwrap_or_default()
    }
}

fn check_password(secret: &Secret) -> Result<(), Refusal> {
    match PASSWORD_BYTES.contains(&secret.0.len()) {
        true => Ok(()),
        false => Err(Refusal::new(Reason::BadPassword, "a password has 8 to 256 bytes")),
    }
}

/// No password is longer: it is not hashed.
pub(super) fn is_too_long(secret: &Secret) -> bool {
    secret.0.len() > *PASSWORD_BYTES.end()
}
