//! A machine that was measured is one on which programs run: what is asserted is what the file says, never how long
//! anything took.

use std::cell::Cell;
use std::rc::Rc;

use calibrate::{Calibration, Effort, Provenance, calibrate};
use trials::pin::Cpus;
use virtual_cores::{CoreProgram, Event, LINE, MachineModel, did, fence, now, run, turn, work};

fn provenance() -> Provenance {
    Provenance { name: "here".to_owned(), by: "a test".to_owned() }
}

/// Where the lines of these programs are; nothing is there.
const HERE: usize = 0x10_0000_0000;

fn access(event: Event, line: usize, value: usize) {
    turn();
    did(event, HERE + line * LINE, value).expect("a core runs");
}

/// What a load of a line that another virtual core has written takes on the machine.
fn near_cycles(machine: &MachineModel) -> f64 {
    const LINES: usize = 200;
    let took = Rc::new(Cell::new(0));
    let told = Rc::clone(&took);
    let reader: CoreProgram = Box::new(move || {
        work(100_000_000);
        let begin = now();
        (0..LINES).for_each(|line| access(Event::Load, line, HERE + (line + 1) * LINE));
        fence();
        told.set(now() - begin);
    });
    let writer: CoreProgram = Box::new(|| {
        (0..LINES).for_each(|line| access(Event::Store, line, 0));
    });
    run(machine, vec![reader, writer]).expect("there are two cores");
    took.get() as f64 / LINES as f64
}

/// This machine, measured with the least effort.
fn measured() -> Calibration {
    let before = Cpus::allowed().expect("the system tells");
    let mut said = Vec::new();
    let effort = Effort { batches: 1, memory_bytes: Some(1 << 26) };
    let calibration = calibrate(&effort, |what| said.push(what.to_owned())).expect("it measures");
    assert!(said.len() >= 2, "{said:?}");
    assert_eq!(Cpus::allowed().expect("the system tells"), before, "the caller is not bound");
    calibration
}

#[test]
fn programs_run_on_a_machine_that_was_measured() {
    let calibration = measured();
    let largest = calibration.curve.points().last().expect("a point").bytes;
    assert!(largest <= 1 << 24, "a quarter of the memory, not {largest} bytes");
    let machine = MachineModel::parse(&calibration.text(&provenance())).expect("it is a machine");
    assert_eq!(machine, calibration.machine(&provenance()));
    assert_eq!(machine.cores(), {
        let (sockets, cores) = calibrate::counts(&calibration.places);
        sockets * cores
    });
    if machine.cores_per_socket.is < 2.0 {
        assert!(machine.near_ns.source.starts_with("not measured"), "{:?}", machine.near_ns);
        return;
    }
    let expected = machine.cycles(&machine.near_ns) as f64;
    let ratio = near_cycles(&machine) / expected;
    assert!((ratio - 1.0).abs() < 0.1, "{ratio} of {expected} cycles");
}
