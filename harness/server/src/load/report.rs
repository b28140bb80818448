//! The result of a load, and how it is printed.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;
use trials::server::Quantiles;

use super::flags::LoadFlags;
use super::measure::{Measured, Readings};

/// Quantiles of times; none of no request, and none if some were not answered, whose times would be the longest.
pub(super) fn quantiles(times: &Histogram<u64>, unanswered: u64) -> Option<Quantiles> {
    let at = |q: f64| times.value_at_quantile(q) as f64 / 1e9;
    (!times.is_empty() && unanswered == 0).then(|| Quantiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
    })
}

/// What a load has come to. What the server does not say stays empty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// The server's version.
    pub version: Option<String>,
    /// Requests per second that were due; none in a closed loop.
    pub rate: Option<f64>,
    /// Connections.
    pub connections: u64,
    /// Requests that a connection had sent at a time, in a closed loop.
    pub depth: usize,
    /// Keys of a read.
    pub multiget: usize,
    /// Seconds from the first request to the last answer.
    pub seconds: f64,
    /// Keys that the server has refused to store before that.
    pub unfilled: u64,
    /// Requests that read.
    pub reads: u64,
    /// Requests to store, those that were refused among them.
    pub stores: u64,
    /// Keys that were read and there, with a value of theirs.
    pub hits: u64,
    /// Keys that were read and not there.
    pub misses: u64,
    /// Values that are not whole, or not of the key: an older value of the key counts as right.
    pub wrong: u64,
    /// Requests that were refused.
    pub errors: u64,
    /// Those of them that read. A store may be refused, since memory is full.
    pub refused_reads: u64,
    /// Requests that were not answered.
    pub unanswered: u64,
    /// Keys per second, those read and those stored; of what was refused there are none.
    pub keys_per_second: f64,
    /// The server's processor time in user code, in seconds.
    pub server_user_seconds: Option<f64>,
    /// The server's processor time in the kernel, in seconds.
    pub server_system_seconds: Option<f64>,
    /// The load's own, in seconds.
    pub client_cpu_seconds: f64,
    /// Items that the server has in the end.
    pub items: Option<u64>,
    /// From when requests were due, in an open loop; none if some were not answered.
    pub response: Option<Quantiles>,
    /// From when they were sent, likewise. Stores of what was missed are not among them.
    pub service: Option<Quantiles>,
}

impl LoadReport {
    pub(super) fn new(flags: &LoadFlags, unfilled: u64, measured: &Measured) -> Self {
        let Measured { outcomes, after, readings, .. } = measured;
        let &Readings { seconds, client_cpu_seconds, .. } = readings;
        let times = outcomes.times();
        Self {
            version: after.version.clone(),
            rate: flags.rate,
            connections: flags.connections(),
            depth: flags.depth(),
            multiget: flags.multiget(),
            seconds,
            unfilled,
            reads: outcomes.reads,
            stores: outcomes.stores,
            hits: outcomes.hits,
            misses: outcomes.misses,
            wrong: outcomes.wrong,
            errors: outcomes.errors,
            refused_reads: outcomes.refused_reads(),
            unanswered: outcomes.unanswered,
            keys_per_second: outcomes.keys() as f64 / seconds,
            server_user_seconds: measured.since(|said| said.user),
            server_system_seconds: measured.since(|said| said.system),
            client_cpu_seconds,
            items: after.items,
            response: flags.rate.and_then(|_| quantiles(&times.response, outcomes.unanswered)),
            service: quantiles(&times.service, outcomes.unanswered),
        }
    }

    /// What the server has done wrong; nothing, if every value was right, every request answered, and no read refused.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let counts = [
            (self.wrong, "wrong values"),
            (self.unanswered, "requests unanswered"),
            (self.refused_reads, "reads refused"),
        ];
        let found = counts.into_iter().filter(|(count, _)| *count > 0);
        found.map(|(count, what)| format!("{count} {what}")).collect()
    }

    fn keys(&self) -> f64 {
        self.keys_per_second * self.seconds
    }
}

fn write_quantiles(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    times: Option<&Quantiles>,
) -> fmt::Result {
    let Some(times) = times else { return Ok(()) };
    let Quantiles { p50, p90, p99, p999, max } = times;
    write!(f, "{name:<10}")?;
    for (quantile, time) in
        [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)]
    {
        write!(f, " {quantile} {:.0} us", time * 1e6)?;
    }
    writeln!(f)
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("unknown");
        writeln!(f, "server     {version}")?;
        if self.unfilled > 0 {
            writeln!(f, "fill       {} keys refused", self.unfilled)?;
        }
        let Self { seconds, keys_per_second, reads, stores, .. } = self;
        writeln!(
            f,
            "throughput {keys_per_second:.0} keys/s: {reads} reads, {stores} stores in {seconds:.2} s"
        )?;
        let Self { hits, misses, wrong, errors, unanswered, .. } = self;
        writeln!(f, "keys       {hits} hits, {misses} misses, {wrong} wrong values")?;
        writeln!(f, "requests   {errors} refused, {unanswered} unanswered")?;
        if let (Some(user), Some(system)) = (self.server_user_seconds, self.server_system_seconds) {
            let each = |seconds: f64| seconds * 1e6 / self.keys().max(1.0);
            let (user, system) = (each(user), each(system));
            writeln!(f, "server CPU {user:.2} us user, {system:.2} us system a key")?;
        }
        writeln!(
            f,
            "client CPU {:.2} us a key",
            self.client_cpu_seconds * 1e6 / self.keys().max(1.0)
        )?;
        write_quantiles(f, "response", self.response.as_ref())?;
        write_quantiles(f, "service", self.service.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use trials::latency::hdr_histogram;

    use super::*;

    #[test]
    fn times_are_those_of_all_requests() {
        let mut times = hdr_histogram();
        assert_eq!(quantiles(&times, 0), None);
        times.record(1500).unwrap();
        let of_one = quantiles(&times, 0).expect("there is one");
        assert!((of_one.p50 / 1.5e-6 - 1.0).abs() < 1e-2 && of_one.p50 == of_one.max);
        assert_eq!(quantiles(&times, 1), None);
    }
}
