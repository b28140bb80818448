//! `server.csv`: quantities that only servers have, beside `trials.csv` and `latency-trials.csv`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::rows::Row;
use crate::rows::latency::{self, LatencyPlace, LatencyTrial};
use crate::rows::log::{self, Attached};
use trials::server::{Quantiles, ServedTrial};

/// The file's name in a result folder.
pub const SERVER: &str = "server.csv";

/// What was measured of one trial of a server: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerRow {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// Requests per second that were due; none in a closed loop.
    pub rate: Option<f64>,
    /// The trial's seed.
    pub seed: u64,
    /// The server's name.
    pub server: String,
    /// The server's version, as it says it.
    pub version: String,
    /// Keys that were read.
    pub gets: u64,
    /// Keys that were read and there, with a value of theirs.
    pub hits: u64,
    /// Keys that were read and not there.
    pub misses: u64,
    /// Values that are not whole, or not of their key; an older value of the key counts as right.
    pub wrong: u64,
    /// `hits / gets`.
    pub hit_ratio: Option<f64>,
    /// Keys that were stored.
    pub sets: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were due and not answered.
    pub unanswered: u64,
    /// The server's CPU time in its own code.
    pub user_seconds: Option<f64>,
    /// The server's CPU time in the kernel.
    pub system_seconds: Option<f64>,
    /// The load's CPU time.
    pub client_cpu_seconds: f64,
    /// Keys over the server's CPU time.
    pub keys_per_cpu_sec: Option<f64>,
    /// Keys over the server's CPU time in its own code.
    pub keys_per_user_sec: Option<f64>,
    /// Items at the end.
    pub items: Option<u64>,
    /// The server's resident set at the end.
    pub resident_bytes: Option<u64>,
    /// Items over the MiB of the resident set.
    pub items_per_mib: Option<f64>,
    /// Half of the requests had a response time of at most this.
    pub response_p50: Option<f64>,
    /// 90 %, likewise.
    pub response_p90: Option<f64>,
    /// 99 %, likewise.
    pub response_p99: Option<f64>,
    /// 99.9 %, likewise.
    pub response_p999: Option<f64>,
    /// The longest response time.
    pub response_max: Option<f64>,
    /// Half of the requests had a service time of at most this.
    pub service_p50: Option<f64>,
    /// 90 %, likewise.
    pub service_p90: Option<f64>,
    /// 99 %, likewise.
    pub service_p99: Option<f64>,
    /// 99.9 %, likewise.
    pub service_p999: Option<f64>,
    /// The longest service time.
    pub service_max: Option<f64>,
}

impl Attached for ServerRow {
    /// In a block a case runs once in a closed loop, and once at each rate.
    type Trial = LatencyPlace;

    const FILE: &'static str = SERVER;

    const HEADER: &'static str = "case,block,rate,seed,server,version,gets,hits,misses,wrong,\
        hit_ratio,sets,refused,unanswered,user_seconds,system_seconds,client_cpu_seconds,\
        keys_per_cpu_sec,keys_per_user_sec,items,resident_bytes,items_per_mib,response_p50,\
        response_p90,response_p99,response_p999,response_max,service_p50,service_p90,service_p99,\
        service_p999,service_max\n";

    fn trial(&self) -> LatencyPlace {
        latency::place(&self.case, self.block, self.rate.unwrap_or(CLOSED))
    }
}

/// Stands for the rate of a closed loop. A rate is above it.
const CLOSED: f64 = 0.0;

/// What names a trial in a closed loop.
pub(crate) fn place(trial: &Row) -> LatencyPlace {
    latency::place(&trial.case, trial.block, CLOSED)
}

/// What names the trials of a server: those of closed loops, and those at a rate.
pub(crate) fn places(rows: &[Row], latency: &[LatencyTrial]) -> HashSet<LatencyPlace> {
    let closed = rows.iter().map(place);
    closed.chain(latency.iter().map(LatencyTrial::place)).collect()
}

impl ServerRow {
    /// That of `trial`, at this rate if it was at one, which was measured so.
    #[must_use]
    pub fn new(trial: &Row, rate: Option<f64>, served: &ServedTrial) -> Self {
        let ServedTrial { measured, tally, response, service, .. } = served;
        let over = |whole: Option<f64>| {
            let whole = whole.filter(|whole| *whole > 0.0)?;
            Some(measured.ops as f64 / whole)
        };
        let mib = served.resident_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
        let mib = mib.filter(|mib| *mib > 0.0);
        let of = |times: &Option<Quantiles>, quantile: fn(&Quantiles) -> f64| {
            times.as_ref().map(quantile)
        };
        Self {
            case: trial.case.clone(),
            block: trial.block,
            rate,
            seed: trial.seed,
            server: trial.structure.clone(),
            version: served.version.clone(),
            gets: tally.gets(),
            hits: tally.hits,
            misses: tally.misses,
            wrong: tally.wrong,
            hit_ratio: (tally.gets() > 0).then(|| tally.hits as f64 / tally.gets() as f64),
            sets: tally.sets,
            refused: tally.refused,
            unanswered: tally.unanswered,
            user_seconds: served.user_seconds,
            system_seconds: served.system_seconds,
            client_cpu_seconds: served.client_cpu_seconds,
            keys_per_cpu_sec: over(measured.cpu_seconds),
            keys_per_user_sec: over(served.user_seconds),
            items: served.items,
            resident_bytes: served.resident_bytes,
            items_per_mib: served.items.zip(mib).map(|(items, mib)| items as f64 / mib),
            response_p50: of(response, |times| times.p50),
            response_p90: of(response, |times| times.p90),
            response_p99: of(response, |times| times.p99),
            response_p999: of(response, |times| times.p999),
            response_max: of(response, |times| times.max),
            service_p50: of(service, |times| times.p50),
            service_p90: of(service, |times| times.p90),
            service_p99: of(service, |times| times.p99),
            service_p999: of(service, |times| times.p999),
            service_max: of(service, |times| times.max),
        }
    }

    /// The quantile of the response times that is called so, if the row has it.
    pub(crate) fn response(&self, name: &str) -> Option<f64> {
        match name {
            "p50" => self.response_p50,
            "p90" => self.response_p90,
            "p99" => self.response_p99,
            "p99.9" => self.response_p999,
            "max" => self.response_max,
            _ => None,
        }
    }

    /// The server's CPU time.
    #[must_use]
    pub fn cpu_seconds(&self) -> Option<f64> {
        Some(self.user_seconds? + self.system_seconds?)
    }
}

/// The rows of a result folder, in their order, of trials that are among these; none if it holds no trials of servers.
///
/// # Errors
///
/// The file cannot be read, or has a malformed line.
pub fn read(
    folder: &Path,
    trials: &[Row],
    latency: &[LatencyTrial],
) -> anyhow::Result<Vec<ServerRow>> {
    log::read(folder, &places(trials, latency))
}

/// Each of `rows` by what names its trial.
pub(crate) fn by_place(rows: Vec<ServerRow>) -> HashMap<LatencyPlace, ServerRow> {
    rows.into_iter().map(|row| (row.trial(), row)).collect()
}

/// Each of `rows` of a closed loop by its trial.
pub(crate) fn by_trial(rows: &[ServerRow]) -> HashMap<(&str, u32), &ServerRow> {
    let closed = rows.iter().filter(|row| row.rate.is_none());
    closed.map(|row| ((row.case.as_str(), row.block), row)).collect()
}

#[cfg(test)]
mod tests {
    use trials::server::ServerTally;

    use super::*;
    use crate::case::Case;
    use crate::trial::Measurement;

    #[test]
    fn rows_have_rates_and_are_read_again() {
        let trial = Row::unmeasured(&Case::new("memc3/clock", "none"), 9, 3, 1);
        let times = Quantiles { p50: 1.0, p90: 2.0, p99: 3.0, p999: 4.0, max: 5.0 };
        let served = ServedTrial {
            measured: Measurement { ops: 120, cpu_seconds: Some(0.5), ..Measurement::default() },
            tally: ServerTally { hits: 50, misses: 49, wrong: 1, sets: 20, ..Default::default() },
            user_seconds: Some(0.1),
            items: Some(300),
            resident_bytes: Some(3 << 20),
            service: Some(times),
            ..ServedTrial::default()
        };
        let row = ServerRow::new(&trial, None, &served);
        assert_eq!((row.gets, row.hit_ratio), (100, Some(0.5)));
        assert_eq!((row.keys_per_cpu_sec, row.keys_per_user_sec), (Some(240.0), Some(1200.0)));
        assert_eq!((row.items_per_mib, row.cpu_seconds()), (Some(100.0), None));
        assert_eq!(
            (row.response_p50, row.service_p999, row.service_max),
            (None, Some(4.0), Some(5.0))
        );
        log::assert_round_trip(&row);
        let nothing = ServerRow::new(&trial, Some(5.0), &ServedTrial::default());
        assert_eq!(
            (nothing.hit_ratio, nothing.keys_per_cpu_sec, nothing.items_per_mib),
            (None, None, None)
        );
        log::assert_round_trip(&nothing);
        assert_ne!(row.trial(), nothing.trial(), "another rate is another trial");
    }
}
