//! Which known word somebody may have meant.

/// Longer words are not compared: nobody mistypes that far, and the work stays bounded.
const COMPARED_CHARS_MAX: usize = 32;

/// The candidate nearest to a mistyped word, if one is near enough to suggest it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(COMPARED_CHARS_MAX + 1).collect();
    if word.is_empty() || word.len() > COMPARED_CHARS_MAX {
        return None;
    }
    let allowed = if word.len() <= 3 { 1 } else { 2 };
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before = vec![0; to.len() + 1];
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (row, left) in from.iter().enumerate() {
        let mut current = vec![row + 1; to.len() + 1];
        for (column, right) in to.iter().enumerate() {
            let substituted = previous[column] + usize::from(left != right);
            let mut best = substituted.min(previous[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && *left == to[column - 1] && from[row - 1] == *right;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[to.len()]
}
