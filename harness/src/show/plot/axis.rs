//! Ticks of a linear axis from 0.

/// A linear axis from 0 to `top`, with a tick at every multiple of `step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) step: f64,
    pub(super) ticks: u32,
}

impl Axis {
    /// Holds 0 to `max` in two to five steps of 1, 2 or 5 times a power of ten. All values 0,
    /// or none, get an axis to 1.
    pub(super) fn to(max: f64) -> Self {
        let max = if max > 0.0 && max.is_finite() { max } else { 1.0 };
        let decade = 10_f64.powf(max.log10().floor() - 1.0);
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|unit| unit * decade);
        let fitting = steps.into_iter().find(|step| step * 5.0 >= max).unwrap_or(max);
        Self { step: fitting, ticks: (max / fitting).ceil() as u32 }
    }

    /// Its upper end.
    pub(super) fn top(self) -> f64 {
        self.step * f64::from(self.ticks)
    }

    /// Each tick and its label.
    pub(super) fn labelled_ticks(self) -> impl Iterator<Item = (f64, String)> {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        (0..=self.ticks).map(move |i| {
            let at = self.step * f64::from(i);
            (at, format!("{at:.decimals$}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(max: f64) -> Vec<String> {
        Axis::to(max).labelled_ticks().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(37.0), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(100.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(0.13), ["0.00", "0.05", "0.10", "0.15"]);
        assert_eq!(labels(2.1), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(labels(0.0), labels(1.0));
        assert_eq!(labels(f64::NAN), labels(1.0));
    }

    #[test]
    fn every_maximum_fits() {
        for i in 0..10_000 {
            let max = 1e-6 * 1.003_f64.powi(i);
            let axis = Axis::to(max);
            assert!(axis.top() >= max * (1.0 - 1e-12), "{max}: {axis:?}");
            assert!((2..=5).contains(&axis.ticks), "{max}: {axis:?}");
        }
    }
}
