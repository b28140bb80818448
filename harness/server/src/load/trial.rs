//! A load within the trial of a server: its numbers in the form that a trial records.

use hdrhistogram::Histogram;
use trials::latency::{self, Latency, Time};
use trials::metric::{QUIET, UNKNOWN};
use trials::server::{ServedTrial, ServerTally};
use trials::trial::Measurement;
use trials::workload::Op;

use super::drive::{Outcomes, RequestTimes};
use super::flags::LoadFlags;
use super::measure::{Measured, Readings};
use super::report::quantiles;

/// The clock by which it counts.
const CLOCK: &str = "monotonic clock";

impl Measured {
    /// What is answered of it: all that the load knows.
    pub(crate) fn served(&self, flags: &LoadFlags) -> ServedTrial {
        let Self { outcomes, threads, after, readings, .. } = self;
        let &Readings { seconds, client_cpu_seconds, noise, .. } = readings;
        let (user, system) = (self.since(|said| said.user), self.since(|said| said.system));
        let times = outcomes.times();
        let (is_open, unanswered) = (flags.rate.is_some(), outcomes.unanswered);
        let measured = Measurement {
            seconds,
            ops: outcomes.keys(),
            min_thread_ops: threads.0,
            max_thread_ops: threads.1,
            cpu_seconds: user.zip(system).map(|(user, system)| user + system),
            final_len: after.items.unwrap_or(0),
            failures: self.failures(is_open),
            warnings: self.warnings(),
            noise,
            latency: is_open.then(|| self.latency(flags)),
            ..Measurement::default()
        };
        ServedTrial {
            measured,
            tally: ServerTally {
                hits: outcomes.hits,
                misses: outcomes.misses,
                wrong: outcomes.wrong,
                sets: outcomes.stored,
                refused: outcomes.errors,
                unanswered,
            },
            version: after.version.clone().unwrap_or_default(),
            user_seconds: user,
            system_seconds: system,
            client_cpu_seconds,
            items: after.items,
            resident_bytes: None,
            response: if is_open { quantiles(&times.response, unanswered) } else { None },
            service: quantiles(&times.service, unanswered),
        }
    }

    /// What makes it invalid. In an open loop, what is not answered says that the rate was not kept. A read that is
    /// refused is of a command that the server does not know; a store may be, since memory is full.
    pub(crate) fn failures(&self, is_open: bool) -> Vec<String> {
        let Outcomes { wrong, unanswered, stores, stored, .. } = self.outcomes;
        let refused = self.outcomes.refused_reads();
        let mut failures = Vec::new();
        if refused > 0 {
            failures.push(format!("{refused} reads were refused"));
        }
        if stores > 0 && stored == 0 {
            failures.push(format!("all {stores} stores were refused"));
        }
        if wrong > 0 {
            failures.push(format!("{wrong} values were not stored under their key"));
        }
        if unanswered > 0 && !is_open {
            failures.push(format!("{unanswered} requests were not answered"));
        }
        failures
    }

    /// What does not make it invalid.
    fn warnings(&self) -> Vec<String> {
        let verdict = self.readings.server_noise.map(|noise| noise.verdict());
        let waited = verdict.filter(|verdict| ![QUIET, UNKNOWN].contains(&verdict.as_str()));
        let waited = waited.map(|verdict| format!("the server's {verdict}"));
        let (refused, stores) = (self.outcomes.refused_stores(), self.outcomes.stores);
        let share = 100.0 * refused as f64 / stores.max(1) as f64;
        let refused = (refused > 0).then(|| format!("stores refused {share:.1} %"));
        let is_unsampled = self.since(|said| said.user).is_some_and(|user| user <= 0.0);
        let unsampled = is_unsampled.then(|| "no user time sampled".to_owned());
        waited.into_iter().chain(refused).chain(unsampled).collect()
    }

    fn latency(&self, flags: &LoadFlags) -> Latency {
        let of = |op, RequestTimes { response, service }: &RequestTimes| {
            let of = |time, times: &Histogram<u64>| {
                (!times.is_empty()).then(|| latency::Histogram::of(op, time, times))
            };
            [of(Time::Response, response), of(Time::Service, service)]
        };
        let Self { outcomes, readings, .. } = self;
        let all = [of(Op::Get, &outcomes.read_times), of(Op::Upsert, &outcomes.store_times)];
        Latency {
            planned: outcomes.due,
            unstarted: outcomes.unanswered,
            late_seconds: (readings.seconds - flags.seconds).max(0.0),
            clock: CLOCK.to_owned(),
            distributions: all.into_iter().flatten().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use trials::metric::Noise;

    use super::super::said::ServerSaid;
    use super::*;

    fn measured(outcomes: Outcomes) -> Measured {
        Measured {
            outcomes,
            threads: (0, 0),
            before: ServerSaid::default(),
            after: ServerSaid::default(),
            readings: Readings::default(),
        }
    }

    #[test]
    fn what_a_server_waits_for_is_said() {
        let warnings = |run_delay_seconds| {
            let noise = Noise {
                wall_seconds: 1.0,
                cpus: Some(1),
                run_seconds: Some(0.5),
                run_delay_seconds,
                ..Noise::default()
            };
            let readings = Readings { server_noise: Some(noise), ..Readings::default() };
            Measured { readings, ..measured(Outcomes::default()) }.warnings()
        };
        assert!(warnings(None).is_empty() && warnings(Some(0.001)).is_empty());
        assert_eq!(warnings(Some(0.5)), ["the server's run delay 50.0 %"]);
    }

    #[test]
    fn a_wrong_value_makes_a_trial_invalid_and_an_answer_that_is_missing_in_a_closed_loop() {
        let failures = |wrong, unanswered, is_open| {
            let outcomes = Outcomes { wrong, unanswered, ..Outcomes::default() };
            measured(outcomes).failures(is_open).len()
        };
        assert_eq!([failures(0, 0, false), failures(0, 0, true)], [0, 0]);
        assert_eq!([failures(1, 0, false), failures(1, 0, true)], [1, 1]);
        assert_eq!([failures(0, 1, false), failures(0, 1, true)], [1, 0]);
    }

    #[test]
    fn a_trial_too_short_for_the_system_s_samples_says_so() {
        let warnings = |user| {
            let said = |user| ServerSaid { user, ..ServerSaid::default() };
            let before = said(Some(1.0));
            Measured { before, after: said(user), ..measured(Outcomes::default()) }.warnings()
        };
        assert!(warnings(None).is_empty() && warnings(Some(1.004)).is_empty());
        assert_eq!(warnings(Some(1.0)), ["no user time sampled"]);
    }

    #[test]
    fn what_is_refused_is_no_key_and_is_told() {
        // Of ten stores and ten reads of a key.
        let told = |refused_stores: u64, refused_reads: u64| {
            let measured = measured(Outcomes {
                reads: 10,
                misses: 10 - refused_reads,
                stores: 10,
                stored: 10 - refused_stores,
                errors: refused_stores + refused_reads,
                ..Outcomes::default()
            });
            let keys = 20 - refused_stores - refused_reads;
            assert_eq!(measured.outcomes.keys(), keys);
            let (failures, warnings) = (measured.failures(false), measured.warnings());
            format!("{} / {}", failures.join("; "), warnings.join("; "))
        };
        assert_eq!(told(0, 0), " / ");
        assert_eq!(told(1, 0), " / stores refused 10.0 %");
        assert_eq!(told(0, 1), "1 reads were refused / ");
        assert_eq!(told(10, 0), "all 10 stores were refused / stores refused 100.0 %");
    }
}
