//! A directory to run the program in, and what is asked of it again and again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The shortest trials that take turns in these tests: what they may work in their sleep is more than an interruption of
/// a loaded machine takes (see [`assert_complete`]).
const LONG_ENOUGH: f64 = 0.1;

/// Three subjects at two thread counts, twice. They take turns.
pub(crate) const TINY: &str = r#"title = "Tiny"
question = "Does the command line keep its word?"
seed = 5
seconds = 0.1
warmup = 0.001
blocks = 2
controls = false

[axes]
structure = ["chaining-bucket-lock", "chaining-lock-free"]
reclaimer = ["leak", "epoch"]
threads = [1, 2]
reads = 90
keys = 256
"#;

/// What `TINY` comes to.
pub(crate) const TINY_CELLS: usize = 6;

/// [`TINY`] with trials that take no turns, and so may be short: for tests of what is done with their rows.
pub(crate) fn tiny_alone() -> String {
    TINY.replacen("seconds = 0.1\n", "seconds = 0.01\nturns = false\n", 1)
}

/// The columns that docs/FORMAT.md promises.
pub(crate) const COLUMNS: &str = "case structure reclaimer allocator threads reads inserts removes \
    updates upserts distribution zipf hot_keys hot_operations hot_shift preset trace trace_sha256 trace_requests keys prefill capacity key_type key_bytes value_bytes hasher hash_seed hot_sharing_32 hot_sharing_100 pin batch huge_pages \
    reclaim_batch ops_per_pin fault twin cache_bytes requests pattern depth connections transport mib look_aside seed block position \
    seconds slices group_size asleep_cpu_seconds ops min_thread_ops max_thread_ops ops_per_sec cpu_seconds ops_per_cpu_sec clean_ops_per_sec clean_windows retired \
    freed discarded peak_unreclaimed peak_unreclaimed_bytes \
    free_delay_p50 free_delay_p99 free_delay_max peak_rss_bytes payload_bytes huge_page_bytes \
    instructions cycles llc_misses final_len valid noise error \
    started_at";

/// Two subjects, with trials that last `seconds`. Short ones take no turns.
pub(crate) fn spec(seconds: f64, blocks: u32) -> String {
    let turns = seconds >= LONG_ENOUGH;
    format!(
        "title = \"One\"\nseed = 1\nseconds = {seconds}\nwarmup = 0.001\nblocks = {blocks}\n\
         turns = {turns}\ncontrols = false\n[axes]\nstructure = \"chaining-*-lock\"\nkeys = 64\n"
    )
}

pub(crate) type Row = HashMap<String, String>;

#[track_caller]
pub(crate) fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is `{}`", row[column]))
}

/// A directory that is gone after the test, in which the program runs.
pub(crate) struct Lab {
    program: PathBuf,
    dir: TempDir,
}

impl Lab {
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        build_programs();
        Self { program: program.into(), dir: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The rows of a file that nobody is writing.
    pub(crate) fn rows_of(&self, file: &str) -> Vec<Row> {
        let text = self.read(file);
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with arguments that are separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments.split_whitespace()).current_dir(self.dir.path());
        // Else it would have cargo build what has just been built.
        command.env_remove("CARGO");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(arguments, self.command(arguments))
    }

    /// The same in a shell that has run `before`, for limits and pipes.
    pub(crate) fn run_after(&self, before: &str, arguments: &str) -> Ran {
        let line = format!("{before}\nexec '{}' {arguments}", self.program.display());
        let mut command = Command::new("bash");
        command.env_remove("CARGO");
        command.args(["-c", &line]).current_dir(self.dir.path());
        Ran::of(&line, command)
    }

    pub(crate) fn start(&self, arguments: &str) -> Running {
        Running(self.command(arguments).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Copies a result folder.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        for (name, bytes) in self.snapshot(from) {
            self.write(&format!("{to}/{}", name.display()), bytes);
        }
    }

    /// Every file below `name`, with its bytes.
    pub(crate) fn snapshot(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let inside = path.strip_prefix(self.path(name)).unwrap().to_owned();
                    files.insert(inside, fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// What is in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The trials of a result folder; a torn last line is left out.
    pub(crate) fn rows(&self, folder: &str) -> Vec<Row> {
        let path = self.path(folder).join("trials.csv");
        let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut reader = csv::Reader::from_reader(whole.as_bytes());
        reader.deserialize().map(|row| row.unwrap()).collect()
    }
}

/// `cargo test` builds every family's program, whose own tests make it do so; where only this package is
/// tested, they may be missing.
fn build_programs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let families = ["caches", "chaining", "controls", "cuckoo", "peers", "versioned"];
        let packages = families.map(|family| format!("subjects-{family}"));
        let folder = Path::new(env!("CARGO_BIN_EXE_bench")).parent().unwrap();
        let is_there = |program: &str| folder.join(program).exists();
        if packages.iter().all(|package| is_there(package)) && is_there("bench-server") {
            return;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "server"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        for package in &packages {
            cargo.args(["-p", package]);
        }
        assert!(cargo.status().unwrap().success());
    });
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(line: &str, mut command: Command) -> Self {
        let output = command.output().unwrap();
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { line, out, err, .. } = &self;
        assert_eq!(self.code, Some(code), "{line}\nstdout:\n{out}\nstderr:\n{err}");
        assert!(!err.contains("panicked at harness/src"), "{line}\n{err}");
        self
    }

    /// On standard error.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{}: no `{part}` in:\n{}", self.line, self.err);
        }
        self
    }

    /// On standard output.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.out.contains(part), "{}: no `{part}` in:\n{}", self.line, self.out);
        }
        self
    }
}

/// A process that does not outlive the test.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap())
    }

    /// Its exit code, `None` if a signal ended it.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// The trial that it is running.
    pub(crate) fn trial(&self) -> u32 {
        let parent = self.0.id();
        let is_ours = |pid: &u32| stat(*pid).is_some_and(|(_, of)| of == parent) && is_trial(*pid);
        let mut found = None;
        wait_for("a trial process", || {
            found = processes().into_iter().find(is_ours);
            found.is_some()
        });
        found.unwrap()
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// State and parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether its first argument is the hidden command.
fn is_trial(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = line.split(|byte| *byte == 0).nth(1);
    [b"trial", b"turns"].iter().any(|hidden| command == Some(hidden.as_slice()))
}

/// Whether a process runs; one that has ended and that nobody has waited for does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// Waits for what must come, however loaded the machine is.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Every (case, block) once, all valid, each block's positions a permutation. Those that took turns are long enough to
/// be valid on a loaded machine: a thread that it interrupted on its way to bed was seen to use 2.9 ms of CPU time in its
/// sleep, and a trial of 0.01 s may use 2.3 ms; one of 0.1 s may use 3.8 (`trials::metric::Asleep`).
#[track_caller]
pub(crate) fn assert_complete(rows: &[Row], cells: usize, blocks: usize) {
    assert_eq!(rows.len(), cells * blocks);
    let pairs: BTreeSet<_> = rows.iter().map(|row| (&row["case"], &row["block"])).collect();
    assert_eq!(pairs.len(), rows.len(), "a trial was run twice");
    for block in 0..blocks {
        let of_block = rows.iter().filter(|row| row["block"] == block.to_string());
        let mut positions: Vec<usize> =
            of_block.map(|row| row["position"].parse().unwrap()).collect();
        positions.sort_unstable();
        assert_eq!(positions, (0..cells).collect::<Vec<_>>(), "positions of block {block}");
    }
    for row in rows {
        assert_eq!((row["valid"].as_str(), row["error"].as_str()), ("true", ""), "{row:?}");
        let is_short = !row["slices"].is_empty() && number(row, "seconds") < LONG_ENOUGH;
        assert!(!is_short, "a trial that is invalid now and then: {row:?}");
    }
}

/// What a trial is, without what was measured.
pub(crate) fn plan(rows: &[Row]) -> Vec<[&str; 4]> {
    rows.iter().map(|row| ["case", "block", "position", "seed"].map(|key| &*row[key])).collect()
}

/// Whether the file begins as a PNG does.
pub(crate) fn is_png(path: &Path) -> bool {
    fs::read(path).unwrap().starts_with(b"\x89PNG\r\n")
}
