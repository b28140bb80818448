//! Pearson's test, for tests of what is drawn.

/// Pearson's statistic, standardised: (χ² − df) / √(2 df). Cells are merged from the left until
/// they expect at least 25 draws. About normal; the tests have fixed seeds and accept up to 4.
///
/// # Panics
///
/// If there are not as many cells as probabilities, or nothing was drawn.
#[must_use]
pub fn chi_square_z(observed: &[u64], probability: &[f64]) -> f64 {
    assert_eq!(observed.len(), probability.len());
    let draws = observed.iter().sum::<u64>() as f64;
    let mut cells = Vec::new();
    let (mut count, mut expected) = (0.0, 0.0);
    for (&seen, &p) in observed.iter().zip(probability) {
        count += seen as f64;
        expected += p * draws;
        if expected >= 25.0 {
            cells.push((count, expected));
            (count, expected) = (0.0, 0.0);
        }
    }
    let last = cells.last_mut().expect("there are draws");
    *last = (last.0 + count, last.1 + expected);
    let chi: f64 = cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    let df = (cells.len() - 1) as f64;
    (chi - df) / (2.0 * df).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chi_square_sees_a_bias() {
        let fair = [2_500; 4];
        assert!(chi_square_z(&fair, &[0.25; 4]) < 0.0);
        assert!(chi_square_z(&[2_700, 2_300, 2_500, 2_500], &[0.25; 4]) > 4.0);
    }
}
