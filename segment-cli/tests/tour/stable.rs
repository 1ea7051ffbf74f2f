//! What differs from one walk to the next is replaced by what does not.

const TIME: &str = "14:02";
const DAY: &str = "Sat 1 Jan";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A row with fixed times, days, ports, ids and durations.
pub fn stable(row: &str) -> String {
    let row = with_time(row);
    let row = with_day(&row);
    let row = after(&row, "127.0.0.1:", char::is_ascii_digit, "22236");
    let row = with_words(&row);
    row.trim_end().to_owned()
}

/// `14:02  ben       hi`
fn with_time(row: &str) -> String {
    let digits: Vec<bool> = row.chars().take(5).map(|character| character.is_ascii_digit()).collect();
    match digits.as_slice() {
        [true, true, false, true, true] if row[2..].starts_with(':') => format!("{TIME}{}", &row[5..]),
        _ => row.to_owned(),
    }
}

/// `── Sat 22 Nov ──`
fn with_day(row: &str) -> String {
    let Some(rest) = row.strip_prefix("── ").filter(|rest| DAYS.iter().any(|day| rest.starts_with(day))) else {
        return row.to_owned();
    };
    let words: Vec<&str> = rest.splitn(4, ' ').collect();
    format!("── {DAY} {}", words.get(3).unwrap_or(&""))
}

fn after(row: &str, lead: &str, is_part: impl Fn(&char) -> bool, with: &str) -> String {
    let Some(at) = row.find(lead) else { return row.to_owned() };
    let (before, rest) = row.split_at(at + lead.len());
    let end = rest.find(|character| !is_part(&character)).unwrap_or(rest.len());
    format!("{before}{with}{}", after(&rest[end..], lead, is_part, with))
}

/// Ids and keys, and the number before `ms`.
fn with_words(row: &str) -> String {
    let words: Vec<&str> = row.split(' ').collect();
    let is_month = |at: Option<usize>| at.and_then(|at| words.get(at)).is_some_and(|word| MONTHS.contains(word));
    let shown = words.iter().enumerate().map(|(at, word)| match words.get(at + 1) {
        _ if is_month(Some(at + 1)) && word.parse::<u8>().is_ok() => "1".to_owned(),
        _ if is_month(Some(at)) => "Jan".to_owned(),
        _ if is_month(at.checked_sub(1)) => with_time(word),
        Some(&"ms") if word.parse::<f64>().is_ok() => "0.3".to_owned(),
        _ if is_id(word.trim_end_matches([';', ',', '.'])) => {
            let end = &word[word.trim_end_matches([';', ',', '.']).len()..];
            format!("0f2c41d7...{end}")
        }
        _ => (*word).to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn is_id(word: &str) -> bool {
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex && (word.len() == 8 || word.len() == 64) && word.bytes().any(|byte| byte.is_ascii_digit())
}

#[test]
fn what_differs_is_replaced_and_nothing_else() {
    let cases = [
        ("09:31  ken       at 09:31", "14:02  ken       at 09:31"),
        ("── Sun 22 Nov ── #general ──", "── Sat 1 Jan ── #general ──"),
        ("── 1 new ──", "── 1 new ──"),
        ("at 127.0.0.1:29570 (TLS) · 0.7 ms", "at 127.0.0.1:22236 (TLS) · 0.3 ms"),
        ("#ops !3  22 Nov 12:16  ken", "#ops !3  1 Jan 14:02  ken"),
        ("#general ❯ hello  ", "#general ❯ hello"),
    ];
    for (row, wanted) in cases {
        assert_eq!(stable(row), wanted);
    }
}
