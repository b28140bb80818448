//! The program behind `bench serve` and `bench load`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use server::flags::Flags;
use server::load::{self, LoadFlags};
use server::net::{Listener, Server};

/// A memcached over the caches of this workbench
///
/// Data goes to standard output, the rest to standard error. Exit codes: 0 done, 1 a run failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "bench", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Flags),
    Load(LoadFlags),
}

/// The command line is wrong, or asks for what cannot be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Serve(options) => serve(&options),
        Command::Load(flags) => load(&flags),
    };
    code.map_or_else(
        |(code, error)| {
            eprintln!("error: {error}");
            ExitCode::from(code)
        },
        |()| ExitCode::SUCCESS,
    )
}

fn serve(options: &Flags) -> Result<(), (u8, String)> {
    let service = options.service().map_err(|error| (USAGE, error.to_string()))?;
    let mut listeners = Vec::new();
    for place in options.places() {
        let listener = Listener::bind(&place)
            .map_err(|error| (USAGE, format!("cannot listen on {place}: {error}")))?;
        eprintln!("listening on {}", listener.place());
        listeners.push(listener);
    }
    let service = Arc::new(service);
    let stops = service.clone();
    ctrlc::set_handler(move || stops.stop()).map_err(|error| (1, error.to_string()))?;
    Server::start(service, listeners, &options.policy())
        .and_then(Server::wait)
        .map_err(|error| (1, error.to_string()))
}

fn load(flags: &LoadFlags) -> Result<(), (u8, String)> {
    flags.target().map_err(|error| (USAGE, error.to_string()))?;
    let report = load::run(flags).map_err(|error| (1, error.to_string()))?;
    let text = if flags.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| (1, error.to_string()))?;
        format!("{json}\n")
    } else {
        report.to_string()
    };
    // Who reads no further has enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if report.is_right() {
        return Ok(());
    }
    Err((1, format!("{} wrong values, {} requests unanswered", report.wrong, report.unanswered)))
}
