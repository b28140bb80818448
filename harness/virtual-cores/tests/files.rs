//! Machine files: those that are shipped, what is refused, and draws.

use std::fs;
use std::path::Path;

use virtual_cores::{AllocatorModel, MachineModel, Number};

fn shipped() -> Vec<(String, MachineModel)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/machines");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("machines are shipped") {
        let path = entry.expect("it is listed").path();
        let machine = MachineModel::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
        found.push((fs::read_to_string(&path).expect("it was just read"), machine));
    }
    found
}

/// How many numbers a file of that machine has.
fn numbers_of(machine: &MachineModel) -> usize {
    let of_allocator = if machine.allocator.is_some() { 3 } else { 0 };
    30 + of_allocator + usize::from(machine.spread.is_some())
}

#[test]
fn shipped_machines_can_be_read() {
    let machines = shipped();
    let with_curves = machines.iter().filter(|(_, machine)| !machine.published.is_empty());
    assert!(with_curves.count() >= 2);
    assert!(machines.iter().any(|(_, machine)| machine.cores() >= 144));
    for (text, machine) in machines {
        assert!(machine.cores() >= 16, "{machine}");
        // Each number has one.
        assert_eq!(text.matches("source = ").count(), numbers_of(&machine));
    }
}

/// Each number in turn: without a source, with an empty one, negative, and not there.
#[test]
fn each_number_is_checked() {
    for (text, machine) in shipped() {
        each_number_of(&text, numbers_of(&machine));
    }
}

fn each_number_of(text: &str, count: usize) {
    let numbers: Vec<&str> = text.lines().filter(|line| line.contains("{ is = ")).collect();
    assert_eq!(numbers.len(), count);
    for number in numbers {
        let (name, rest) = number.split_once(" = ").expect("a line of a number");
        let (is, _) = rest.trim_start_matches("{ is = ").split_once(',').expect("and a source");
        let with = |line: String| {
            // Of caches three have the same names: the first such line is enough.
            MachineModel::parse(&text.replacen(number, &line, 1))
        };
        for bad in [
            format!("{name} = {{ is = {is} }}"),
            format!("{name} = {{ is = {is}, source = ' ' }}"),
            format!("{name} = {{ is = -1, source = 's' }}"),
            format!("{name} = {{ is = nan, source = 's' }}"),
            format!("{name} = {is}"),
            format!("{name}s = {{ is = {is}, source = 's' }}"),
            String::new(),
        ] {
            // It need not be said.
            if bad.is_empty() && name == "spread" {
                continue;
            }
            let error = format!("{:#}", with(bad.clone()).expect_err(&bad));
            assert!(error.contains(name), "{bad}: {error}");
        }
        assert!(with(format!("{name} = {{ is = {is}, source = 's' }}")).is_ok());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (text, machine) = shipped().remove(0);
    let cores = format!("cores_per_socket = {{ is = {}", machine.cores_per_socket.is);
    assert!(text.contains(&cores));
    let error = MachineModel::parse(&text.replace(&cores, "cores_per_socket = { is = 1000"));
    let error = format!("{:#}", error.expect_err("too many cores"));
    assert!(error.contains("at most 256"), "{error}");
}

/// What is counted is whole, and not none; what is so or not is 1 or 0.
#[test]
fn counts_are_whole() {
    let (text, _) = shipped().remove(0);
    for name in ["sockets", "cores_per_socket", "ways", "misses", "stores", "rmw_overlaps"] {
        let is_its = |line: &&str| line.starts_with(&format!("{name} = "));
        let line = text.lines().find(is_its).expect("a line of the number");
        for bad in [0.5, 2.5] {
            let bad = format!("{name} = {{ is = {bad}, source = 's' }}");
            let error = MachineModel::parse(&text.replacen(line, &bad, 1)).expect_err(&bad);
            assert!(format!("{error:#}").contains(name), "{bad}: {error:#}");
        }
    }
}

/// Threads fill socket after socket, or go to them in turn; there is nothing between, and none of it is drawn.
#[test]
fn threads_are_spread_or_not() {
    let (text, machine) = shipped().into_iter().find(|(_, m)| m.spread.is_none()).expect("one");
    let with = |spread: &str| {
        let line = format!("\nspread = {{ is = {spread}, source = 's' }}\nsockets = ");
        MachineModel::parse(&text.replacen("\nsockets = ", &line, 1))
    };
    let socket_of = |machine: &MachineModel| [0, 1, 2, 3].map(|core| machine.socket_of(core));
    assert_eq!(socket_of(&machine), [0; 4]);
    assert_eq!(socket_of(&with("0").expect("it is one")), [0; 4]);
    let spread = with("1").expect("it is one");
    let sockets = spread.sockets.is as usize;
    assert_eq!(socket_of(&spread), [0, 1, 2, 3].map(|core| core % sockets));
    assert_eq!(MachineModel::parse(&spread.to_toml()).expect("it is written"), spread);
    for bad in ["2", "0.5", "1, within = 0.1"] {
        let error = format!("{:#}", with(bad).expect_err(bad));
        assert!(error.contains("spread"), "{bad}: {error}");
    }
}

#[test]
fn draws_stay_within_their_bounds() {
    for (_, machine) in shipped() {
        assert_eq!(machine.drawn(0), machine);
        let draws: Vec<MachineModel> = (1..=200).map(|draw| machine.drawn(draw)).collect();
        let within = |of: fn(&MachineModel) -> f64, share: f64| {
            let ratios = draws.iter().map(|drawn| of(drawn) / of(&machine));
            let (least, most) = ratios.fold((9.0_f64, 0.0_f64), |(l, m), r| (l.min(r), m.max(r)));
            assert!(least >= 1.0 - share && most <= 1.0 + share, "{least} to {most}");
            // And go far enough: 200 draws come near both ends.
            assert!(least < 1.0 - 0.9 * share && most > 1.0 + 0.9 * share, "{least} to {most}");
        };
        within(|machine| machine.near_ns.is, 0.3);
        within(|machine| machine.far_ns.is, 0.4);
        within(|machine| machine.memory_ns.is, 0.4);
        within(|machine| machine.window.is, 0.5);
        assert_eq!(draws.iter().filter(|drawn| drawn.rmw_overlaps.is == 1.0).count(), 100);
        assert_eq!(draws[2].name, format!("{}, draw 3", machine.name));
        // What is not drawn is as it was.
        assert!(draws.iter().all(|drawn| drawn.l1 == machine.l1 && drawn.ghz == machine.ghz));
    }
}

/// Of each cell there is one published curve, so nobody need know which of two is taken.
#[test]
fn a_cell_is_published_once() {
    let curve = |keys: usize| {
        format!(
            "[2.0, 9.5]\n[[published]]\nof = 'a book'\nstructure = 't'\nreclaimer = 'none'\nreads = 50\n\
             zipf = 0.0\nkeys = {keys}\nthreads = [1]\nmops = [3.0]\n"
        )
    };
    let machine = with_curve("[2.0, 9.5]\n", &curve(200)).expect("they are of two cells");
    assert_eq!(machine.published.len(), 2);
    let error = with_curve("[2.0, 9.5]\n", &curve(100)).expect_err("they are of one cell");
    let error = format!("{error:#}");
    assert!(error.contains("a paper and a book: both are published of t, none"), "{error}");
}

/// Cells with other shares of upserts are others, and a curve that does not say its share has none.
#[test]
fn curves_with_upserts_are_of_other_cells() {
    let curve = |upserts: &str| {
        format!(
            "[2.0, 9.5]\n[[published]]\nof = 'a book'\nstructure = 't'\nreclaimer = 'none'\nreads = 50\n{upserts}\n\
             zipf = 0.0\nkeys = 100\nthreads = [1]\nmops = [3.0]\n"
        )
    };
    let machine =
        with_curve("[2.0, 9.5]\n", &curve("upserts = 50")).expect("they are of two cells");
    let upserts: Vec<f64> = machine.published.iter().map(|curve| curve.upserts).collect();
    assert_eq!(upserts, [0.0, 50.0]);
    assert_eq!(MachineModel::parse(&machine.to_toml()).expect("as written"), machine);
    let error =
        with_curve("[2.0, 9.5]\n", &curve("upserts = 0")).expect_err("they are of one cell");
    assert!(format!("{error:#}").contains("both are published of t, none"), "{error:#}");
}

/// Two draws mirror each other, so that a band has both sides; pairs differ, and so do their `rmw_overlaps`.
#[test]
fn draws_are_balanced() {
    let numbers = |machine: &MachineModel| {
        let MachineModel { near_ns, far_ns, memory_ns, far_memory_ns, window, .. } = machine;
        [near_ns, far_ns, memory_ns, far_memory_ns, window].map(|number| number.is)
    };
    for (_, machine) in shipped() {
        let draws: Vec<MachineModel> = (1..=12).map(|draw| machine.drawn(draw)).collect();
        for (at, own) in numbers(&machine).into_iter().enumerate() {
            let ratios: Vec<f64> = draws.iter().map(|drawn| numbers(drawn)[at] / own).collect();
            let below = ratios.iter().filter(|ratio| **ratio < 1.0).count();
            let above = ratios.iter().filter(|ratio| **ratio > 1.0).count();
            assert_eq!((below, above), (6, 6), "number {at}: {ratios:?}");
            for pair in ratios.chunks(2) {
                assert!((pair[0] + pair[1] - 2.0).abs() < 1e-9, "number {at}: {pair:?}");
            }
            let firsts: Vec<f64> = ratios.iter().step_by(2).copied().collect();
            assert!(firsts.windows(2).all(|two| two[0] != two[1]), "number {at}: {firsts:?}");
        }
        let overlaps: Vec<f64> = draws.iter().map(|drawn| drawn.rmw_overlaps.is).collect();
        assert_eq!(overlaps, [1.0, 1.0, 0.0, 0.0].repeat(3));
    }
}

/// A machine with a published curve, of which `from` is replaced by `to`.
fn with_curve(from: &str, to: &str) -> anyhow::Result<MachineModel> {
    let curve = "\n[[published]]\nof = 'a paper'\nstructure = 't'\nreclaimer = 'none'\nreads = 50\nzipf = 0.0\n\
                 keys = 100\nthreads = [1, 8]\nmops = [2.0, 9.5]\n";
    assert!(curve.contains(from), "{from}");
    let mut all = shipped().into_iter().map(|(text, _)| text);
    let mut text = all.find(|text| text.contains("8375C")).expect("a machine of 64 cores");
    text.truncate(text.find("[[published]]").unwrap_or(text.len()));
    MachineModel::parse(&(text + &curve.replace(from, to)))
}

#[test]
fn published_curves_are_checked() {
    let machine = with_curve("", "").expect("it is one");
    let curve = &machine.published[0];
    assert_eq!([1, 2, 8].map(|threads| curve.at(threads)), [Some(2e6), None, Some(9.5e6)]);
    for (from, to, expected) in [
        ("'a paper'", "' '", "has an empty `of`"),
        ("[1, 8]", "[1]", "1 numbers of threads and 2 rates"),
        ("[1, 8]", "[8, 1]", "not ascending"),
        ("[1, 8]", "[1, 65]", "from 1 to 64"),
        ("[1, 8]", "[0, 8]", "from 1 to 64"),
        ("9.5", "0.0", "above 0"),
        ("9.5", "inf", "above 0"),
        ("zipf", "skew", "skew"),
        ("reads = 50", "reads = 50\nupserts = 51", "reads = 50 and upserts = 51 are percentages"),
        ("reads = 50", "reads = 50\nupserts = -1", "are percentages"),
        ("reads = 50", "reads = nan", "are percentages"),
    ] {
        let error = format!("{:#}", with_curve(from, to).expect_err(to));
        assert!(error.contains(expected), "{to}: {error}");
    }
}

/// What is moved between a core's heap and arenas is a number of blocks, and of those that it keeps.
#[test]
fn an_allocator_moves_what_is_cached() {
    let (_, machine) = shipped().remove(0);
    let with = |[cached, given_back, taken]: [f64; 3]| {
        let number = |is: f64| Number { is, within: None, source: "a manual".to_owned() };
        let [cached, given_back, taken] = [cached, given_back, taken].map(number);
        let allocator = Some(AllocatorModel { cached, given_back, taken });
        let machine = MachineModel { allocator, ..machine.clone() };
        let read = MachineModel::parse(&machine.to_toml());
        read.map(|read| assert_eq!(read, machine)).map_err(|error| format!("{error:#}"))
    };
    for limits in [[1.0, 1.0, 1.0], [7.0, 1.0, 7.0], [200.0, 100.0, 20.0]] {
        assert_eq!(with(limits), Ok(()), "{limits:?}");
    }
    for (limits, expected) in [
        ([7.0, 8.0, 1.0], "allocator.given_back is 8: at most 7"),
        ([7.0, 1.0, 8.0], "allocator.taken is 8: at most 7"),
        ([7.0, 0.0, 1.0], "allocator.given_back is 0: a whole number"),
        ([7.5, 1.0, 1.0], "allocator.cached is 7.5: a whole number"),
    ] {
        let error = with(limits).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}

/// What a number says of itself holds instead of what is usual; what it does not say, as before.
#[test]
fn a_number_says_how_uncertain_it_is() {
    let (_, machine) = shipped().remove(0);
    let mut told = machine.clone();
    told.near_ns.within = Some(0.05);
    told.l2.cycles.within = Some(0.2);
    told.rmw_overlaps.within = Some(0.0);
    let draws: Vec<MachineModel> = (1..=200).map(|draw| told.drawn(draw)).collect();
    let most = |of: fn(&MachineModel) -> f64| {
        let off = draws.iter().map(|drawn| (of(drawn) / of(&machine) - 1.0).abs());
        off.fold(0.0, f64::max)
    };
    let near = most(|machine| machine.near_ns.is);
    assert!((0.045..=0.05).contains(&near), "{near}");
    let l2 = most(|machine| machine.l2.cycles.is);
    assert!((0.18..=0.2).contains(&l2), "{l2}");
    assert!(draws.iter().all(|drawn| drawn.rmw_overlaps == told.rmw_overlaps));
    assert!(draws.iter().all(|drawn| drawn.llc == machine.llc));
    // The draws of others are what they were.
    for (draw, drawn) in (1..).zip(&draws) {
        assert_eq!(drawn.far_ns, machine.drawn(draw).far_ns);
    }
}

#[test]
fn how_uncertain_a_number_is_is_checked() {
    let (_, machine) = shipped().remove(0);
    let with = |within: f64, change: fn(&mut MachineModel) -> &mut Option<f64>| {
        let mut machine = machine.clone();
        *change(&mut machine) = Some(within);
        MachineModel::parse(&machine.to_toml()).map_err(|error| format!("{error:#}"))
    };
    for within in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        let error = with(within, |machine| &mut machine.pause_cycles.within).expect_err("far off");
        assert!(error.contains("pause_cycles is within"), "{within}: {error}");
    }
    let counts: [fn(&mut MachineModel) -> &mut Option<f64>; 3] = [
        |machine| &mut machine.misses.within,
        |machine| &mut machine.rmw_overlaps.within,
        |machine| &mut machine.l1.ways.within,
    ];
    for change in counts {
        assert!(with(0.1, change).expect_err("a count").contains("is not drawn"));
        assert!(with(0.0, change).is_ok());
    }
    assert!(with(0.99, |machine| &mut machine.ghz.within).is_ok());
}

/// A machine is written as it is, whatever its texts and numbers are.
#[test]
fn what_is_written_is_read() {
    for (_, mut machine) in shipped() {
        for text in ["plain", "\"\"\"", "'''\n\\u{0}\t", "a # b = { c }", "Ω\r\n", "]\n[l1]"] {
            machine.name = text.to_owned();
            machine.llc.ways.source = format!("said: {text}");
            machine.near_ns.within = Some(0.1 + 0.2);
            for is in [0.0, 1e-9, 1e300, 1.0 / 3.0, 12345678.9] {
                let number = Number { is, ..machine.near_ns.clone() };
                machine.unmodelled.insert(format!("{text} {is}"), number.clone());
                machine.sleep_ns = number;
                let written = machine.to_toml();
                let read = MachineModel::parse(&written);
                let read = read.unwrap_or_else(|error| panic!("{error:#}\n{written}"));
                assert_eq!(read, machine);
            }
        }
    }
}
