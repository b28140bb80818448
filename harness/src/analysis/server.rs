//! The trials of each cell of a server, taken together: those of closed loops.

use std::collections::HashSet;

use crate::analysis::cell::{Cell, Estimate, grouped, with_parameters};
use crate::rows::Row;
use crate::rows::server::ServerRow;

/// A cell of a server.
pub(crate) type ServerCell = Cell<ServerRow, ()>;

impl ServerCell {
    /// The cells of `trials`, by workload and subject; `rows` say whose they are, and whether they count.
    pub(crate) fn all(trials: &[ServerRow], rows: &[Row]) -> Vec<Self> {
        let counts: HashSet<(&str, u32)> = rows
            .iter()
            .filter(|row| row.counts())
            .map(|row| (row.case.as_str(), row.block))
            .collect();
        let closed: Vec<ServerRow> =
            trials.iter().filter(|trial| trial.rate.is_none()).cloned().collect();
        let known = with_parameters(&closed, |trial| &trial.case, rows);
        let name = |(_, trial): &(&Row, &ServerRow)| trial.case.clone();
        let cell = |trials: Vec<(&Row, &ServerRow)>| {
            let valid = |(_, trial): &(&Row, &ServerRow)| {
                counts.contains(&(trial.case.as_str(), trial.block)).then(|| (*trial).clone())
            };
            Self::new(trials[0].0, (), trials.iter().map(valid))
        };
        let mut cells: Vec<Self> = grouped(known, name).into_iter().map(cell).collect();
        cells.sort_by_cached_key(|cell| {
            let row = &cell.row;
            let load = row.server.unwrap_or_default();
            let asked = (load.pattern, load.depth, load.transport, load.connections, load.mib);
            let of = (row.keys, row.zipf.to_bits(), row.mix.reads.to_bits(), row.threads);
            (asked, load.look_aside, of, row.subject(), row.case.clone())
        });
        cells
    }

    pub(crate) fn keys_per_cpu_sec(&self) -> Option<Estimate> {
        self.estimate(|trial| trial.keys_per_cpu_sec)
    }

    pub(crate) fn items_per_mib(&self) -> Option<Estimate> {
        self.estimate(|trial| trial.items_per_mib)
    }

    pub(crate) fn hit_ratio(&self) -> Option<f64> {
        self.median_of(|trial| trial.hit_ratio)
    }

    pub(crate) fn items(&self) -> Option<f64> {
        self.median_of(|trial| trial.items.map(|items| items as f64))
    }

    /// Seconds of a key: of the server in its own code and in the kernel, and of the load.
    pub(crate) fn seconds_a_key(&self) -> [Option<f64>; 3] {
        let of = |seconds: fn(&ServerRow) -> Option<f64>| {
            self.median_of(|trial| {
                let keys = trial.gets + trial.sets;
                Some(seconds(trial)? / (keys > 0).then_some(keys as f64)?)
            })
        };
        let client = |trial: &ServerRow| Some(trial.client_cpu_seconds);
        [of(|trial| trial.user_seconds), of(|trial| trial.system_seconds), of(client)]
    }

    /// A time that so many of the requests took at most, as a trial's row has it.
    pub(crate) fn service(&self, of: fn(&ServerRow) -> Option<f64>) -> Option<f64> {
        self.median_of(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{served, served_case};

    #[test]
    fn medians_are_of_trials_in_a_closed_loop_that_count() {
        let case = served_case("memc3/clock", 16);
        let (mut rows, mut trials): (Vec<Row>, Vec<ServerRow>) = [1.0, 2.0, 4.0]
            .into_iter()
            .zip(0..)
            .map(|(cpu, block)| served(&case, block, cpu))
            .unzip();
        trials.push(ServerRow {
            rate: Some(5.0),
            keys_per_cpu_sec: Some(1.0),
            ..trials[0].clone()
        });
        let cells = ServerCell::all(&trials, &rows);
        let [cell] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!((cell.n(), cell.invalid), (3, 0));
        // A million keys; a quarter of the server's time is its own code's, and the load takes two seconds.
        assert_eq!(cell.keys_per_cpu_sec().unwrap().median, 5e5);
        assert_eq!(cell.seconds_a_key(), [Some(0.5e-6), Some(1.5e-6), Some(2e-6)]);
        assert_eq!((cell.hit_ratio(), cell.items()), (Some(0.9), Some(3000.0)));
        assert_eq!(cell.items_per_mib().unwrap().median, 1000.0);
        rows[2].valid = false;
        let cells = ServerCell::all(&trials, &rows);
        assert_eq!((cells[0].n(), cells[0].invalid), (2, 1));
        assert!(ServerCell::all(&trials, &[]).is_empty());
    }
}
