//! Medians and percentiles.

/// The median; `None` of nothing. Of an even number the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The value that `share` of the samples do not exceed (nearest rank); `None` of nothing.
pub(crate) fn percentile(samples: &mut [u32], share: f64) -> Option<u32> {
    let last = samples.len().checked_sub(1)?;
    let rank = (share * samples.len() as f64).ceil() as usize;
    let (_, value, _) = samples.select_nth_unstable(rank.saturating_sub(1).min(last));
    Some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn percentiles() {
        assert_eq!(percentile(&mut [], 0.5), None);
        let mut samples: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(percentile(&mut samples, 0.0), Some(1));
        assert_eq!(percentile(&mut samples, 0.5), Some(100));
        assert_eq!(percentile(&mut samples, 0.99), Some(198));
        assert_eq!(percentile(&mut samples, 1.0), Some(200));
        assert_eq!(percentile(&mut [7], 0.99), Some(7));
    }
}
