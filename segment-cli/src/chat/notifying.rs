//! What is announced to somebody who does not look, and how.

use serde::Serialize;

use super::answers::Facts;
use super::own::not_kept;
use super::{Chat, Done, unheard};
use crate::commands::{NotifyChange, NotifyRequest};
use crate::config::{Key, Notify, NotifyPlan, NotifyWhen};

#[derive(Serialize)]
struct NotifyFacts {
    by: &'static str,
    /// What `auto` means at this terminal.
    chosen: &'static str,
    when: &'static str,
    away_seconds: u64,
}

impl Chat {
    /// `/notify`
    pub(super) async fn notify(&mut self, request: NotifyRequest) -> Done {
        match request {
            NotifyRequest::Change(change) => self.change_notify(&change)?,
            NotifyRequest::Test => self.test_notify(),
        }
        let plan = self.talk.known().notify;
        let facts = NotifyFacts {
            by: plan.by.as_str(),
            chosen: chosen(plan.by).as_str(),
            when: plan.when.as_str(),
            away_seconds: plan.away.as_secs(),
        };
        self.out.answer(&Facts { facts, text: text(&plan) }).await.map_err(unheard)
    }

    fn change_notify(&mut self, change: &NotifyChange) -> Done {
        let seconds = change.away.map(|seconds| seconds.to_string());
        let values = [
            (Key::Notify, change.by.map(Notify::as_str)),
            (Key::NotifyWhen, change.when.map(NotifyWhen::as_str)),
            (Key::Away, seconds.as_deref()),
        ];
        for (key, value) in values {
            if value.is_some() {
                self.layers.change(key, value).map_err(not_kept)?;
            }
        }
        self.take_settings();
        Ok(())
    }

    fn test_notify(&self) {
        if let Some(screen) = self.out.as_screen() {
            let by = chosen(self.talk.known().notify.by);
            screen.signal(by.sequence("segment", "this is how a mention is announced"));
        }
    }
}

fn chosen(by: Notify) -> Notify {
    by.chosen(|name| std::env::var(name).ok())
}

fn text(plan: &NotifyPlan) -> String {
    let what = match plan.when {
        NotifyWhen::Mentions => "Messages with your name",
        NotifyWhen::All => "All messages",
    };
    let how = match chosen(plan.by) {
        Notify::Nothing => return "Nothing is announced; prompt and title count what is unread.".to_owned(),
        Notify::Bell | Notify::Auto => "by the bell",
        Notify::Osc9 => "by the terminal (OSC 9)",
        Notify::Osc777 => "by the terminal (OSC 777)",
        Notify::Osc99 => "by the terminal (OSC 99)",
    };
    format!("{what} are announced {how} while you do not look: after {} s without a key.", plan.away.as_secs())
}
