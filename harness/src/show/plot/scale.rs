//! Scales: where a value is on an axis, and the ticks of the axis.

use super::axis::Axis;

/// An axis from 0, or of whole decades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    Linear(Axis),
    /// From 0 to exactly the number, with ticks as the axis has them.
    UpTo(f64, Axis),
    /// From the first number to the second, with a tick at every multiple of the third.
    Span(f64, f64, f64),
    /// So many places, 1, 2, …, evenly spaced.
    Levels(usize),
    Log(Decades),
    /// Logarithmic between two numbers that are 1, 2 or 5 times a power of ten, with ticks at all of these.
    Fine(f64, f64),
    /// The same as of whole decades, of seconds: labelled with units.
    Seconds(Decades),
}

impl Scale {
    /// A linear axis that holds 0 and `values`.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        Self::Linear(Axis::to(values.fold(0.0, f64::max)))
    }

    /// A linear axis from 0 to the largest of `values`.
    pub(super) fn up_to(values: impl Iterator<Item = f64>) -> Self {
        match values.fold(0.0, f64::max) {
            end if end > 0.0 => Self::UpTo(end, Axis::to(end)),
            none => Self::linear(std::iter::once(none)),
        }
    }

    /// A linear axis from the smallest of `values` to the largest.
    pub(super) fn span(values: impl Iterator<Item = f64>) -> Self {
        let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        match high - low {
            room if room > 0.0 => Self::Span(low, high, Axis::to(room).step),
            _ if high.is_finite() => Self::up_to(std::iter::once(high)),
            _ => Self::linear(std::iter::empty()),
        }
    }

    /// A logarithmic axis that holds `values`.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let ends = |(low, high): (f64, f64), value: &f64| (low.min(*value), high.max(*value));
        let (low, high) = values.iter().fold((f64::INFINITY, 0.0), ends);
        if low > 0.0 && low.is_finite() && high / low <= FEW {
            let low = round_number(low, |round, value| round <= value * (1.0 + 1e-9));
            let high =
                round_number(high.max(low * 2.0), |round, value| round >= value * (1.0 - 1e-9));
            return Self::Fine(low, high);
        }
        Self::Log(Decades::of(values.into_iter()))
    }

    /// A logarithmic axis that holds `values`, which are in seconds.
    pub(super) fn seconds(values: impl Iterator<Item = f64>) -> Self {
        Self::Seconds(Decades::of(values))
    }

    /// Where `value` is: 0 at the axis' start, 1 at its end.
    pub(super) fn share(self, value: f64) -> f64 {
        match self {
            Self::Linear(axis) => value / axis.top(),
            Self::UpTo(end, _) => value / end,
            Self::Span(first, last, _) => (value - first) / (last - first),
            Self::Levels(count) => (value - 0.5) / count as f64,
            Self::Fine(first, last) => (value.max(first * 0.5) / first).ln() / (last / first).ln(),
            Self::Log(decades) | Self::Seconds(decades) => decades.share(value),
        }
    }

    /// Its first and its last value. On a logarithmic axis 0 has the place of a power of ten.
    pub(super) fn ends(self) -> (f64, f64) {
        match self {
            Self::Linear(axis) => (0.0, axis.top()),
            Self::UpTo(end, _) => (0.0, end),
            Self::Span(first, last, _) | Self::Fine(first, last) => (first, last),
            Self::Levels(count) => (0.5, count as f64 + 0.5),
            Self::Log(decades) | Self::Seconds(decades) => {
                (decades.lowest(), 10_f64.powi(decades.high))
            }
        }
    }

    /// Whether it is of decades.
    pub(super) fn is_log(self) -> bool {
        matches!(self, Self::Log(_) | Self::Fine(..) | Self::Seconds(_))
    }

    /// The value at `share`, as [`ends`](Self::ends) has them.
    pub(super) fn value_at(self, share: f64) -> f64 {
        let (first, last) = self.ends();
        if self.is_log() {
            first * (last / first).powf(share)
        } else {
            first + (last - first) * share
        }
    }

    /// The place of each tick, as a share, and its label, which may be empty: of decades every one has a label, or
    /// every second, third, …, as many as `fit`, at even distances.
    pub(super) fn ticks_that(self, fit: impl Fn(&[(f64, String)]) -> bool) -> Vec<(f64, String)> {
        let (decades, label): (_, fn(i32) -> String) = match self {
            Self::Log(decades) => (decades, power),
            Self::Seconds(decades) => (decades, unit),
            Self::Fine(..) => return self.fine_ticks_that(fit),
            _ => return self.labelled_ticks(),
        };
        let from = decades.least_step();
        let mut tries = (from..from + 4).map(|step| decades.labelled_ticks(step, label));
        tries.find(|ticks| fit(ticks)).unwrap_or_else(|| self.labelled_ticks())
    }

    /// The same of 1, 2 and 5 times powers of ten: these alone have labels if not all fit, where there are two.
    fn fine_ticks_that(self, fit: impl Fn(&[(f64, String)]) -> bool) -> Vec<(f64, String)> {
        let mut ticks = self.labelled_ticks();
        let is_power = |label: &str| label.trim_start_matches(['0', '.']).starts_with('1');
        let powers = ticks.iter().filter(|(_, label)| is_power(label)).count();
        if powers > 1 && !fit(&ticks) {
            let others = ticks.iter_mut().filter(|(_, label)| !is_power(label));
            others.for_each(|(_, label)| label.clear());
        }
        ticks
    }

    /// The place of each tick, as a share, and its label, which may be empty.
    pub(super) fn labelled_ticks(self) -> Vec<(f64, String)> {
        match self {
            Self::Linear(axis) => {
                axis.labelled_ticks().map(|(at, label)| (at / axis.top(), label)).collect()
            }
            Self::UpTo(end, axis) => {
                let ticks = axis.labelled_ticks().map(|(at, label)| (at / end, label));
                ticks.filter(|(share, _)| *share <= 1.0).collect()
            }
            Self::Span(first, last, step) => {
                let decimals = (-step.log10().floor()).max(0.0) as usize;
                let ticks = (first / step).ceil() as i64..=(last / step).floor() as i64;
                let label = |i: i64| {
                    let at = step * i as f64;
                    (self.share(at), format!("{at:.decimals$}"))
                };
                ticks.map(label).collect()
            }
            Self::Levels(count) => {
                (1..=count).map(|level| (self.share(level as f64), level.to_string())).collect()
            }
            Self::Log(decades) => decades.labelled_ticks(decades.least_step(), power),
            Self::Fine(first, last) => {
                let is_in = |at: &f64| (first * 0.999..=last * 1.001).contains(at);
                let low = first.log10().floor() as i32;
                let rounds = (low..low + 4)
                    .flat_map(|decade| [1.0, 2.0, 5.0].map(|unit| unit * 10_f64.powi(decade)));
                rounds.filter(is_in).map(|at| (self.share(at), short(at))).collect()
            }
            Self::Seconds(decades) => decades.labelled_ticks(decades.least_step(), unit),
        }
    }
}

/// Between numbers that differ by more than this, ticks are at powers of ten alone.
const FEW: f64 = 100.0;

/// 1, 2 or 5 times a power of ten: the one nearest to `value` on the side that `is_beyond` says.
fn round_number(value: f64, is_beyond: fn(f64, f64) -> bool) -> f64 {
    let decade = value.log10().floor() as i32;
    let rounds = (decade - 1..=decade + 1)
        .flat_map(|decade| [1.0, 2.0, 5.0].map(|unit| unit * 10_f64.powi(decade)));
    let far = |round: &f64| (round / value).ln().abs();
    let beyond = rounds.filter(|round| is_beyond(*round, value));
    beyond.min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(value)
}

/// Powers of ten, and below them, if there is one among the values, a place for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decades {
    has_zero: bool,
    low: i32,
    high: i32,
}

impl Decades {
    /// The fewest that hold `values`; at least one.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut has_zero, mut least, mut most) = (false, f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite()) {
            if value <= 0.0 {
                has_zero = true;
            } else {
                (least, most) = (least.min(value), most.max(value));
            }
        }
        if most == 0.0 {
            (least, most) = (1.0, 1.0);
        }
        // The logarithm of a computed power of ten is not quite whole.
        let low = (least.log10() + 1e-9).floor() as i32;
        Self { has_zero, low, high: ((most.log10() - 1e-9).ceil() as i32).max(low + 1) }
    }

    /// The lowest place, that of 0 if it has one.
    fn lowest(self) -> f64 {
        10_f64.powi(self.low - i32::from(self.has_zero))
    }

    /// Steps between the places that have ticks.
    fn steps(self) -> f64 {
        f64::from(self.high - self.low) + f64::from(u8::from(self.has_zero))
    }

    fn share(self, value: f64) -> f64 {
        if value <= 0.0 {
            return 0.0;
        }
        let above = value.log10() - f64::from(self.low);
        (above + f64::from(u8::from(self.has_zero))) / self.steps()
    }

    /// From one decade that has a label to the next, at least: 2 where there are many.
    fn least_step(self) -> i32 {
        if self.high - self.low <= 4 { 1 } else { 2 }
    }

    /// A tick at each decade; those that are a multiple of `step` have a label.
    fn labelled_ticks(self, step: i32, label: impl Fn(i32) -> String) -> Vec<(f64, String)> {
        let zero = self.has_zero.then(|| (0.0, "0".to_owned()));
        let tick = |decade: i32| {
            let is_labelled = decade.rem_euclid(step) == 0;
            let label = if is_labelled { label(decade) } else { String::new() };
            (self.share(10_f64.powi(decade)), label)
        };
        zero.into_iter().chain((self.low..=self.high).map(tick)).collect()
    }
}

/// A power of ten with a prefix: `100`, `10 k`, `1 M`; below 1 as a power: `10⁻³`.
fn power(decade: i32) -> String {
    if decade < 0 {
        return format!("10⁻{}", superscript(decade.unsigned_abs()));
    }
    short(10_f64.powi(decade))
}

/// A number that is 1, 2 or 5 times a power of ten, with a prefix.
fn short(value: f64) -> String {
    let prefixes = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match prefixes.into_iter().find(|(unit, _)| value >= *unit * 0.999) {
        Some((unit, prefix)) => format!("{:.0}\u{a0}{prefix}", value / unit),
        None => {
            let decimals = (-value.log10().floor()).max(0.0) as usize;
            format!("{value:.decimals$}")
        }
    }
}

/// The digits of exponents.
pub(super) const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

fn superscript(number: u32) -> String {
    number.to_string().bytes().map(|digit| SUPERSCRIPTS[usize::from(digit - b'0')]).collect()
}

/// A power of ten of seconds: `100 ns`, `1 µs`, `10 s`.
fn unit(decade: i32) -> String {
    let (name, unit) = match decade {
        ..=-7 => ("ns", -9),
        -6..=-4 => ("µs", -6),
        -3..=-1 => ("ms", -3),
        _ => ("s", 0),
    };
    format!("{}\u{a0}{name}", 10_f64.powi(decade - unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let ticks = Scale::log(values.iter().copied()).labelled_ticks();
        ticks.into_iter().map(|(_, label)| label.replace('\u{a0}', "")).collect()
    }

    #[test]
    fn decades_hold_every_value() {
        assert_eq!(labels(&[32.0, 4_000.0]), ["10", "100", "1k", "10k"]);
        assert_eq!(labels(&[1e6]), ["1M", "2M"]);
        assert_eq!(labels(&[0.0, 150.0, 1e9]), ["0", "100", "", "10k", "", "1M", "", "100M", ""]);
        assert_eq!(labels(&[0.0]), ["0", "1", "10"]);
        assert_eq!(labels(&[]), ["1", "10"]);
    }

    /// Whole decades would leave two fifths of the axis empty.
    #[test]
    fn less_than_two_decades_are_filled() {
        assert_eq!(labels(&[3.16, 167.0]), ["2", "5", "10", "20", "50", "100", "200"]);
        assert_eq!(labels(&[0.05, 4.9]), ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
        let some = |values: [f64; 2]| -> Vec<String> {
            let ticks = Scale::log(values.into_iter()).ticks_that(|_| false);
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(some([3.16, 167.0]), ["", "", "10", "", "", "100", ""]);
        assert_eq!(some([0.05, 4.9]), ["", "0.1", "", "", "1", "", ""]);
        // One label would be no scale.
        assert_eq!(some([15.0, 45.0]), ["10", "20", "50"]);
    }

    #[test]
    fn decades_may_be_below_one() {
        assert_eq!(labels(&[1.0, 10_f64.powf(-3.0)]), ["10⁻³", "10⁻²", "10⁻¹", "1"]);
        assert_eq!(labels(&[0.02]), ["0.02", "0.05"]);
        assert_eq!(labels(&[0.03, 0.9]), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(&[1e-12, 0.0, 1e-11]), ["0", "10⁻¹²", "10⁻¹¹"]);
        let seconds = |values: &[f64]| -> Vec<String> {
            let ticks = Scale::seconds(values.iter().copied()).labelled_ticks();
            ticks.into_iter().map(|(_, label)| label.replace('\u{a0}', "")).collect()
        };
        assert_eq!(seconds(&[3e-8, 2e-5]), ["10ns", "100ns", "1µs", "10µs", "100µs"]);
        assert_eq!(seconds(&[2e-3, 20.0]), ["", "10ms", "", "1s", "", "100s"].map(str::to_owned));
        let scale = Scale::seconds([1e-7, 1e-3].into_iter());
        let shares = [1e-7, 1e-6, 1e-3].map(|value| scale.share(value));
        assert!(
            shares.iter().zip([0.0, 0.25, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12),
            "{shares:?}"
        );
        assert!(scale.is_log() && scale.ends() == (1e-7, 1e-3));
    }

    #[test]
    fn labels_of_decades_keep_one_distance_whatever_fits() {
        for (low, high) in (-9..0).flat_map(|low| (low + 1..3).map(move |high| (low, high))) {
            let ends = [10_f64.powi(low), 10_f64.powi(high)];
            for most in 1..12 {
                let is_labelled = |tick: &(f64, String)| !tick.1.is_empty();
                let scale = Scale::seconds(ends.into_iter());
                let fit =
                    |ticks: &[_]| ticks.iter().filter(|tick| is_labelled(tick)).count() <= most;
                let ticks = scale.ticks_that(fit);
                assert_eq!(ticks.len() as i32, high - low + 1, "a tick a decade");
                let labelled: Vec<_> =
                    (0..ticks.len()).filter(|i| is_labelled(&ticks[*i])).collect();
                let steps: Vec<_> = labelled.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert!(
                    steps.iter().all(|step| *step == steps[0]),
                    "{low} {high} {most}: {ticks:?}"
                );
                // Of twelve decades every fifth is labelled at least.
                assert!(most < 3 || labelled.len() <= most, "{low} {high} {most}: {ticks:?}");
            }
        }
    }

    #[test]
    fn places_are_between_the_ends_and_in_order() {
        let values = [0.0, 1.0, 9.0, 10.0, 99.0, 12_345.0, 1e8];
        let scale = Scale::log(values.iter().copied());
        let shares = values.map(|value| scale.share(value));
        assert!(shares.is_sorted() && shares[0] == 0.0 && shares[6] == 1.0, "{shares:?}");
        assert!((shares[3] - 2.0 / 9.0).abs() < 1e-12, "10 is two steps of nine up: {shares:?}");
        let time = Scale::up_to([0.05, 0.104].into_iter());
        let ticks: Vec<_> = time.labelled_ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(
            (time.share(0.104), ticks),
            (1.0, vec!["0.00".to_owned(), "0.05".to_owned(), "0.10".to_owned()])
        );
        assert_eq!(Scale::up_to(std::iter::empty()), Scale::linear(std::iter::empty()));
        let linear = Scale::linear([3.0, 4.0].into_iter());
        assert!((linear.share(2.0) - 0.5).abs() < 1e-12, "{linear:?}");
    }
}
