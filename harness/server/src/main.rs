//! The program behind `bench serve` and `bench load`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use server::descriptors::{allow, too_few};
use server::flags::Flags;
use server::floor::{self, FloorFlags};
use server::load::{self, LoadFlags, MOST_CONNECTIONS};
use server::net::{Listener, Server};
use server::trial::{self, WITH_PARENT};
use table::ProgramCatalogue;
use trials::serve::{CATALOGUE_COMMAND, answer_parent};
use trials::server::SERVER_COMMAND;

/// A server of memcached's protocols over the caches of this workbench
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 a run failed, 2 wrong usage.
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
    /// Print how this program was built
    #[command(name = CATALOGUE_COMMAND, hide = true)]
    Catalogue,
    #[command(hide = true)]
    Floor(FloorFlags),
    /// Run the trial that is described on standard input
    #[command(name = SERVER_COMMAND, hide = true)]
    Trial {
        /// The process that started it, with which it ends
        #[arg(long, value_name = "PID")]
        parent: i32,
    },
    /// Become another program, which ends with the process that started this one
    #[command(name = WITH_PARENT, hide = true)]
    WithParent {
        parent: i32,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        program: Vec<String>,
    },
}

/// The command line is wrong, or asks for what cannot be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Serve(options) => serve(&options),
        Command::Load(flags) => load(&flags),
        Command::Catalogue => say_build(),
        Command::Floor(options) => floor(&options),
        Command::Trial { parent } => try_server(parent),
        Command::WithParent { parent, program } => {
            trial::become_program(parent, &program).map_err(failed)
        }
    };
    code.map_or_else(
        |(code, error)| {
            eprintln!("error: {error}");
            ExitCode::from(code)
        },
        |()| ExitCode::SUCCESS,
    )
}

/// A failure in one line.
fn failed(error: anyhow::Error) -> (u8, String) {
    (1, format!("{error:#}"))
}

/// What `bench` asks a program first. This one has no table.
fn say_build() -> Result<(), (u8, String)> {
    let catalogue = ProgramCatalogue { build: kernel::build_facts(), ..Default::default() };
    let json = serde_json::to_vec(&catalogue).map_err(|error| (1, error.to_string()))?;
    io::stdout().write_all(&json).map_err(|error| (1, error.to_string()))
}

fn try_server(parent: i32) -> Result<(), (u8, String)> {
    let answer = answer_parent(parent, trial::run).map_err(failed)?;
    io::stdout().write_all(&answer).map_err(|error| (1, error.to_string()))
}

fn floor(options: &FloorFlags) -> Result<(), (u8, String)> {
    let place = options.place();
    let listener = Listener::bind(&place)
        .map_err(|error| (USAGE, format!("cannot listen on {place}: {error}")))?;
    allow(MOST_CONNECTIONS, options.threads() as u64);
    ctrlc::set_handler(|| std::process::exit(0)).map_err(|error| (1, error.to_string()))?;
    floor::serve(listener, options.threads()).map_err(|error| (1, error.to_string()))
}

/// Says a line on standard error, to those who listen.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn serve(options: &Flags) -> Result<(), (u8, String)> {
    options.check().map_err(|words| (USAGE, words))?;
    let service = options.service().map_err(|error| (USAGE, error.to_string()))?;
    let mut listeners = Vec::new();
    for place in options.places() {
        let listener = Listener::bind(&place)
            .map_err(|error| (USAGE, format!("cannot listen on {place}: {error}")))?;
        say(&format!("listening on {}", listener.place()));
        listeners.push(listener);
    }
    let settings = &service.settings;
    let (asked, loops) = (settings.connections as u64, settings.threads as u64);
    // Those who come when there is no descriptor wait.
    too_few("-c", asked, allow(asked, loops)).iter().for_each(|words| say(words));
    let service = Arc::new(service);
    let stops = service.clone();
    ctrlc::set_handler(move || stops.stop()).map_err(|error| (1, error.to_string()))?;
    Server::start(service, listeners, &options.policy())
        .and_then(Server::wait)
        .map_err(|error| (1, error.to_string()))
}

fn load(flags: &LoadFlags) -> Result<(), (u8, String)> {
    let possible = flags.target().and_then(|_| flags.allow_connections());
    possible.map_err(|error| (USAGE, error.to_string()))?;
    let report = load::run(flags).map_err(|error| (1, error.to_string()))?;
    let text = if flags.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| (1, error.to_string()))?;
        format!("{json}\n")
    } else {
        report.to_string()
    };
    // Who reads no further has enough.
    let _ = io::stdout().write_all(text.as_bytes());
    match report.failures().as_slice() {
        [] => Ok(()),
        failures => Err((1, failures.join(", "))),
    }
}
