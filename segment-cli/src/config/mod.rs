//! Settings: one table of them, and where their values come from. Flags win over `SEGMENT_*`, these over the
//! profile's `profile.toml`, that over the user's `config.toml`.

mod error;
mod file;
mod layers;
mod shown;
mod table;
mod typed;

pub use error::{BadValue, SettingsError, SettingsFault};
pub use file::{FileSettings, SETTINGS_BYTES_MAX};
pub use layers::{Effective, Layers, Source, Values, variables};
pub use shown::{Printed, value_of};
pub use table::{KEY_NAMES, Key, Kind, SETTINGS, Setting, Taken, reference};
pub use typed::{Notify, NotifyPlan, NotifyWhen, Settings};

#[cfg(test)]
mod tests;
