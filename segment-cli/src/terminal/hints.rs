//! What a command wants next, shown behind what is typed of it.

use crate::commands::{CommandSpec, find, table};

/// The rest of the command's name and its arguments.
pub(super) fn hint(line: &str) -> Option<String> {
    let name = line.strip_prefix('/')?;
    if name.is_empty() {
        return None;
    }
    if let Some((name, rest)) = name.split_once(char::is_whitespace) {
        let (spec, _) = find(name)?;
        return rest.is_empty().then(|| format!("{}  {}", arguments(spec), spec.help).trim_start().to_owned());
    }
    if let Some((spec, _)) = find(name) {
        return Some(format!(" {}  {}", arguments(spec), spec.help));
    }
    let spec = table().find(|spec| spec.name.starts_with(name))?;
    Some(format!("{} {}", &spec.name[name.len()..], arguments(spec)).trim_end().to_owned())
}

fn arguments(spec: &CommandSpec) -> String {
    let usage = spec.usage();
    usage.split_once(' ').map(|(_, arguments)| arguments.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_says_what_may_follow() {
        let cases = [
            ("/jo", Some("in #channel")),
            ("/join", Some(" #channel  join a channel and make it the current one")),
            ("/join ", Some("#channel  join a channel and make it the current one")),
            ("/join #g", None),
            ("/nonsense", None),
            ("/", None),
            ("hello", None),
        ];
        for (line, wanted) in cases {
            assert_eq!(hint(line).as_deref(), wanted, "{line}");
        }
    }
}
