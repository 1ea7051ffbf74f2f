//! Figures that belong to sizes, and how they grow with them.

use std::fmt;

/// How something is expected to grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Not at all.
    Constant,
    /// With the depth of a tree.
    Logarithm,
    /// In proportion.
    Linear,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Logarithm => "log n",
            Self::Linear => "linear",
        })
    }
}

/// One thing that was measured at several sizes.
#[derive(Clone, Debug)]
pub struct Line {
    what: String,
    expected: Growth,
    figures: Vec<f64>,
}

/// Everything that was measured at the same sizes.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    sizes: Vec<u64>,
    lines: Vec<Line>,
}

impl Table {
    /// Nothing measured yet.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), sizes: Vec::new(), lines: Vec::new() }
    }

    /// The figures that follow belong to this size.
    pub fn at(&mut self, size: u64) {
        self.sizes.push(size);
    }

    /// A figure at this size; its line is made where there is none.
    pub fn add(&mut self, what: &str, expected: Growth, figure: f64) {
        match self.lines.iter_mut().find(|line| line.what == what) {
            Some(line) => line.figures.push(figure),
            None => self.lines.push(Line { what: what.to_owned(), expected, figures: vec![figure] }),
        }
    }

    /// How the last figure of a line stands to the first.
    fn ratio(line: &Line) -> Option<f64> {
        let (first, last) = (line.figures.first()?, line.figures.last()?);
        (*first > 0.0).then(|| last / first)
    }

    /// The power of the size with which a line grows.
    fn power(&self, line: &Line) -> Option<f64> {
        let (first, last) = (*self.sizes.first()?, *self.sizes.last()?);
        let sizes = last as f64 / first.max(1) as f64;
        (sizes > 1.0).then_some(Self::ratio(line)?.max(f64::MIN_POSITIVE).ln() / sizes.ln())
    }
}

impl fmt::Display for Table {
    /// Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.title)?;
        self.sizes.iter().try_for_each(|size| write!(f, " {} |", thousands(*size)))?;
        writeln!(f, " expected | measured |")?;
        writeln!(f, "|---|{}---|---|", "---|".repeat(self.sizes.len()))?;
        for line in &self.lines {
            write!(f, "| {} |", line.what)?;
            line.figures.iter().try_for_each(|figure| write!(f, " {} |", figure_of(*figure)))?;
            let power = self.power(line).map_or_else(|| "-".to_owned(), |power| format!("n^{:.2}", power + 0.0));
            let ratio = Self::ratio(line).map_or_else(|| "-".to_owned(), |ratio| format!("x {}", figure_of(ratio)));
            writeln!(f, " {} | {ratio}, {power} |", line.expected)?;
        }
        Ok(())
    }
}

/// Three digits that mean something.
fn figure_of(figure: f64) -> String {
    match figure {
        whole if whole >= 1_000.0 => thousands(whole.round() as u64),
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let start = digits.len() % 3;
    let (head, rest) = digits.split_at(start);
    let groups = rest.as_bytes().chunks(3).map(String::from_utf8_lossy);
    let all: Vec<_> = std::iter::once(head.into())
        .filter(|head: &std::borrow::Cow<'_, str>| !head.is_empty())
        .chain(groups)
        .collect();
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_the_power_of_the_size() {
        let mut table = Table::new("what");
        for (size, constant, linear) in [(10, 2.0, 1.0), (1_000, 2.0, 100.0)] {
            table.at(size);
            table.add("same", Growth::Constant, constant);
            table.add("more", Growth::Linear, linear);
        }
        let said = table.to_string();
        let expected = "| what | 10 | 1,000 | expected | measured |\n|---|---|---|---|---|\n\
                        | same | 2.00 | 2.00 | constant | x 1.00, n^0.00 |\n\
                        | more | 1.00 | 100 | linear | x 100, n^1.00 |\n";
        assert_eq!(said, expected);
    }
}
