//! Settings for people: `/set` and `--print-config`.

use serde::Serialize;

use super::{Effective, Layers, Source, Taken};
use crate::chat::output::Answer;
use crate::render::Style;

/// One setting, its value and where it comes from; without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Printed {
    key: &'static str,
    value: Option<String>,
    from: &'static str,
    /// Whether there is a value that is not shown.
    hidden: bool,
    #[serde(skip)]
    variable: Option<String>,
}

/// A value that may be shown.
#[must_use]
pub fn value_of(effective: &Effective<'_>) -> Option<String> {
    let is_private = effective.key.setting().taken == Taken::Private;
    effective.value.filter(|_| !is_private).map(str::to_owned)
}

impl Printed {
    /// Every setting.
    #[must_use]
    pub fn all(layers: &Layers) -> Vec<Self> {
        layers.all().map(|effective| Self::of(&effective)).collect()
    }

    /// One of them.
    #[must_use]
    pub fn of(effective: &Effective<'_>) -> Self {
        let value = value_of(effective);
        let is_variable = effective.source == Source::Variable;
        Self {
            key: effective.key.as_str(),
            hidden: value.is_none() && effective.value.is_some(),
            value,
            from: effective.source.as_str(),
            variable: is_variable.then(|| effective.key.variable()),
        }
    }
}

impl Answer for Printed {
    const TYPE: &'static str = "setting";

    /// A line of a settings file: what is not set, and what is not shown, is a comment.
    fn text(&self, _: &Style) -> String {
        let from = self.variable.as_deref().unwrap_or(self.from);
        match &self.value {
            Some(value) => {
                format!("{:<30} # {from}", format!("{} = {}", self.key, toml_edit::Value::from(value.as_str())))
            }
            None if self.hidden => format!("{:<30} # {from}", format!("# {} is set, and not shown", self.key)),
            None => format!("# {} is not set", self.key),
        }
    }
}
