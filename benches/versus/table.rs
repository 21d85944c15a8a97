//! Medians, and a table in Markdown.

/// The median; of an even number the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Rows of ours against theirs.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 6]>);

#[allow(dead_code, reason = "each bench uses a part")]
impl Table {
    /// A measure taken several times on both sides.
    pub(crate) fn compare(&mut self, what: &str, unit: &str, ours: &[f64], theirs: &[f64]) {
        let ratio = median(ours) / median(theirs);
        self.0.push([
            what.to_owned(),
            unit.to_owned(),
            figure(median(ours)),
            figure(median(theirs)),
            format!("{ratio:.2}"),
            format!("{} / {}", spread(ours), spread(theirs)),
        ]);
    }

    /// A measure for which there is no other side.
    pub(crate) fn ours(&mut self, what: &str, unit: &str, ours: &[f64]) {
        let value = figure(median(ours));
        let dash = || "-".to_owned();
        self.0.push([
            what.to_owned(),
            unit.to_owned(),
            value,
            dash(),
            dash(),
            spread(ours),
        ]);
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        println!("| measure | unit | sightglass | ffmpeg | ratio | range |");
        println!("|---|---|---:|---:|---:|---|");
        for row in &self.0 {
            println!("| {} |", row.join(" | "));
        }
    }
}

fn spread(values: &[f64]) -> String {
    let least = values
        .iter()
        .fold(f64::INFINITY, |least, next| least.min(*next));
    let most = values
        .iter()
        .fold(f64::NEG_INFINITY, |most, next| most.max(*next));
    format!("{} to {}", figure(least), figure(most))
}

fn figure(value: f64) -> String {
    if value.abs() < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}
