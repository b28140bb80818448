//! Trials that take turns: decides which trial runs next, until each has had its time.
//!
//! All of a group's processes are alive together, and one works at a time. Each is started, prefills and
//! warms up before the next one is started. Then each has a slice in every round, in an order that is
//! shuffled anew, until it has counted its seconds; then its process ends, before the round goes on. A
//! process that crashes, or sends no message for too long, costs only its own trial.
//!
//! Everything here is a function of the processes' messages: there is no clock, and tests simulate the processes.

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::trial::Measurement;
use trials::conductor::{Counted, Slice};

/// What a sum of times may lack for being a sum, in seconds.
const ROUNDING: f64 = 1e-9;

/// A trial that takes turns, as those see it who say whose turn it is.
pub(crate) trait Player {
    /// Waits until it is prefilled and warm.
    fn ready(&mut self) -> Heard<()>;

    /// Lets it work, and waits until it sleeps again.
    fn slice(&mut self, slice: Slice) -> Heard<Counted>;

    /// Lets it end, and waits until its process has.
    fn end(&mut self) -> Heard<Box<Measurement>>;
}

/// What was heard of a player.
pub(crate) type Heard<T> = Result<T, Stop>;

/// Why nothing is heard any more.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It crashed, failed, or took too long: why.
    Failed(String),
    /// All are told to stop.
    Interrupted,
}

/// One slice of a trial, as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Played {
    /// The round, from 0.
    pub(crate) round: u32,
    /// The place in the round, from 0.
    pub(crate) turn: u32,
    /// What was done.
    pub(crate) counted: Counted,
}

/// What a trial was.
#[derive(Debug, Default)]
pub(crate) struct Game {
    /// Its slices.
    pub(crate) slices: Vec<Played>,
    /// What it measured, or why it did not.
    pub(crate) outcome: Option<Result<Box<Measurement>, String>>,
}

impl Game {
    /// Counted time so far.
    fn seconds(&self) -> f64 {
        self.slices.iter().map(|played| played.counted.seconds).sum()
    }
}

/// A trial whose process is alive.
struct Seat<P> {
    player: P,
    game: Game,
    /// Which of the group it is.
    index: usize,
    slice: Slice,
}

impl<P: Player> Seat<P> {
    /// Its turn: whether it is over.
    fn play(&mut self, (round, turn): (u32, u32), seconds: f64) -> Heard<bool> {
        let counted = match self.player.slice(self.slice) {
            Ok(counted) => counted,
            Err(stop) => return self.stopped(stop),
        };
        self.game.slices.push(Played { round, turn, counted });
        if counted.seconds <= 0.0 {
            return self.stopped(Stop::Failed("a slice without any time".to_owned()));
        }
        if self.game.seconds() < seconds - ROUNDING {
            return Ok(false);
        }
        match self.player.end() {
            Ok(measured) => self.game.outcome = Some(Ok(measured)),
            Err(stop) => return self.stopped(stop),
        }
        Ok(true)
    }

    /// Over, and without a measurement.
    fn stopped(&mut self, stop: Stop) -> Heard<bool> {
        match stop {
            Stop::Failed(why) => {
                self.game.outcome = Some(Err(why));
                Ok(true)
            }
            Stop::Interrupted => Err(stop),
        }
    }
}

/// Plays a group: `start` starts the process of each of so many trials, with how long its slices are, and
/// `over` takes what it was as soon as it is over. False if interrupted: then the trials that were not over
/// are lost.
///
/// # Errors
///
/// A process cannot be started.
pub(crate) fn play<P: Player>(
    trials: usize,
    seconds: f64,
    mut shuffle: Xoshiro256PlusPlus,
    mut start: impl FnMut(usize) -> anyhow::Result<(P, Slice)>,
    mut over: impl FnMut(usize, Game),
) -> anyhow::Result<bool> {
    let mut seats: Vec<Seat<P>> = Vec::new();
    for index in 0..trials {
        let (player, slice) = start(index)?;
        let mut seat = Seat { player, game: Game::default(), index, slice };
        match seat.player.ready() {
            Ok(()) => seats.push(seat),
            Err(stop) => match seat.stopped(stop) {
                Ok(_) => over(index, seat.game),
                Err(_) => return Ok(false),
            },
        }
    }
    let mut round = 0;
    while !seats.is_empty() {
        seats.shuffle(&mut shuffle);
        let mut awaiting = std::mem::take(&mut seats).into_iter();
        for turn in 0.. {
            let Some(mut seat) = awaiting.next() else { break };
            match seat.play((round, turn), seconds) {
                Ok(false) => seats.push(seat),
                Ok(true) => {
                    let Seat { player, game, index, .. } = seat;
                    // Its process is gone before the next one's turn.
                    drop(player);
                    over(index, game);
                }
                Err(_) => return Ok(false),
            }
        }
        round += 1;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rand::SeedableRng;

    use super::*;

    /// What players do, in its order.
    type Log = RefCell<Vec<String>>;

    /// A trial whose slices take as long as it says.
    struct Fake<'l> {
        name: usize,
        log: &'l Log,
        /// Counted time of a slice.
        counts: f64,
        /// Slices that are left before `then`.
        left: usize,
        /// What comes after the last slice.
        then: fn() -> Stop,
    }

    impl Fake<'_> {
        fn note(&self, what: &str) {
            self.log.borrow_mut().push(format!("{what} {}", self.name));
        }
    }

    impl Drop for Fake<'_> {
        fn drop(&mut self) {
            self.note("gone");
        }
    }

    impl Player for Fake<'_> {
        fn ready(&mut self) -> Heard<()> {
            self.note("ready");
            if self.left == 0 { Err((self.then)()) } else { Ok(()) }
        }

        fn slice(&mut self, slice: Slice) -> Heard<Counted> {
            self.note("slice");
            assert_eq!(slice, SLICE);
            self.left -= 1;
            if self.left == 0 {
                return Err((self.then)());
            }
            Ok(Counted { seconds: self.counts, ops: 3, ..Counted::default() })
        }

        fn end(&mut self) -> Heard<Box<Measurement>> {
            self.note("end");
            Ok(Box::new(Measurement { ops: self.name as u64, ..Measurement::default() }))
        }
    }

    const SLICE: Slice = Slice { seconds: 0.5, settle: 0.25 };
    const NEVER: usize = usize::MAX;

    /// What a player does: see [`Fake`].
    type Part = (f64, usize, fn() -> Stop);

    /// One that counts so much in a slice, and never fails.
    fn steady(counts: f64) -> Part {
        (counts, NEVER, failed)
    }

    fn failed() -> Stop {
        Stop::Failed("no more".to_owned())
    }

    fn interrupted() -> Stop {
        Stop::Interrupted
    }

    /// The games of players that count so much in a slice and stop after so many, and what they did.
    fn played(players: &[Part], seconds: f64, seed: u64) -> (bool, Vec<Option<Game>>, Vec<String>) {
        let log = Log::default();
        let mut games: Vec<Option<Game>> = players.iter().map(|_| None).collect();
        let start = |name| {
            log.borrow_mut().push(format!("start {name}"));
            let (counts, left, then) = players[name];
            Ok((Fake { name, log: &log, counts, left, then }, SLICE))
        };
        let over = |index: usize, game: Game| {
            log.borrow_mut().push(format!("over {index}"));
            assert!(games[index].replace(game).is_none(), "over twice");
        };
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let is_whole = play(players.len(), seconds, rng, start, over).unwrap();
        (is_whole, games, log.into_inner())
    }

    #[test]
    fn one_is_ready_before_the_next_is_started() {
        let (_, _, log) = played(&[steady(1.0); 3], 1.0, 1);
        let start = ["start 0", "ready 0", "start 1", "ready 1", "start 2", "ready 2"];
        assert_eq!(log[..6], start.map(str::to_owned));
    }

    #[test]
    fn each_has_its_seconds_and_none_has_more() {
        let (is_whole, games, _) = played(&[0.25, 0.5, 0.3].map(steady), 1.0, 1);
        assert!(is_whole);
        let games: Vec<Game> = games.into_iter().map(|game| game.expect("it was over")).collect();
        assert_eq!(games.iter().map(|game| game.slices.len()).collect::<Vec<_>>(), [4, 2, 4]);
        for (index, game) in games.iter().enumerate() {
            let rounds: Vec<u32> = game.slices.iter().map(|played| played.round).collect();
            assert!(rounds.iter().copied().eq(0..rounds.len() as u32), "a slice in each round");
            let measured =
                game.outcome.as_ref().expect("it is over").as_ref().expect("it measured");
            assert_eq!(measured.ops, index as u64);
        }
        for round in 0..2 {
            let at =
                |game: &Game| game.slices.iter().find(|one| one.round == round).map(|one| one.turn);
            let mut turns: Vec<u32> = games.iter().filter_map(at).collect();
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2], "one at a time");
        }
    }

    #[test]
    fn every_round_has_an_order_of_its_own_that_follows_from_the_seed() {
        let orders = |seed| -> Vec<Vec<String>> {
            let (_, _, log) = played(&[steady(0.1); 6], 1.0, seed);
            let slices: Vec<String> =
                log.into_iter().filter(|line| line.starts_with("slice")).collect();
            slices.chunks(6).map(<[String]>::to_vec).collect()
        };
        let first = orders(1);
        assert!(first.len() >= 10);
        let mut different = first.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > 5, "{different:?}");
        assert_eq!(first, orders(1));
        assert_ne!(first, orders(2));
    }

    #[test]
    fn who_fails_is_over_alone() {
        // The second fails before it is ready, the third in its second slice.
        let players: [Part; 4] = [steady(0.5), (0.5, 0, failed), (0.5, 2, failed), steady(0.5)];
        let (is_whole, games, log) = played(&players, 1.5, 1);
        assert!(is_whole);
        let games: Vec<Game> = games.into_iter().map(|game| game.expect("it was over")).collect();
        let outcome = |index: usize| games[index].outcome.as_ref().expect("it is over");
        assert!(outcome(0).is_ok() && outcome(3).is_ok());
        for (index, slices) in [(1, 0), (2, 1)] {
            assert_eq!(outcome(index).as_ref().expect_err("it failed"), "no more");
            assert_eq!(games[index].slices.len(), slices);
        }
        // Before the next has its turn, its process is gone.
        let at = |what: &str| log.iter().position(|line| line == what).expect("it was");
        let gone = at("gone 2");
        assert_eq!(log[gone - 1], "slice 2");
        assert_eq!(log[gone + 1], "over 2");
        assert!(at("over 1") < at("start 2"), "what is known is written down");
    }

    #[test]
    fn an_interrupt_loses_what_is_not_over_and_ends_every_process() {
        let players: [Part; 3] = [steady(1.0), (0.1, 4, interrupted), steady(0.1)];
        let (is_whole, games, log) = played(&players, 1.0, 1);
        assert!(!is_whole);
        assert!(games[0].is_some() && games[1].is_none() && games[2].is_none());
        assert_eq!(log.iter().filter(|line| line.starts_with("gone")).count(), 3, "{log:?}");
        let players: [Part; 2] = [(1.0, 0, interrupted), steady(1.0)];
        let (is_whole, games, log) = played(&players, 1.0, 1);
        assert!(!is_whole && games.iter().all(Option::is_none));
        assert!(!log.contains(&"start 1".to_owned()), "nobody is started any more");
    }

    #[test]
    fn a_trial_that_counts_no_time_fails_instead_of_going_on_for_ever() {
        let (is_whole, games, _) = played(&[steady(0.0)], 1.0, 1);
        let game = games.into_iter().next().flatten().expect("it is over");
        assert!(is_whole && game.outcome.expect("it is over").is_err());
    }
}
