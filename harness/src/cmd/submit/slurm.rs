//! Slurm: an array job, whose tasks are the parts of a sweep, and a job that depends on it.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, anyhow};

use crate::failure::{Failure, usage};

/// What is submitted. All paths are absolute.
pub(super) struct Sweep {
    pub(super) bench: PathBuf,
    pub(super) spec: PathBuf,
    /// Where jobs run, since an experiment may name files by relative paths.
    pub(super) folder: PathBuf,
    pub(super) parts: PathBuf,
    pub(super) out: PathBuf,
    pub(super) shards: u32,
    pub(super) options: SlurmOptions,
}

/// What Slurm is asked for beside a node.
pub(super) struct SlurmOptions {
    pub(super) constraint: Option<String>,
    pub(super) partition: Option<String>,
    pub(super) time: Option<String>,
}

/// Names of files in the folder of the parts.
const SHARD: &str = "shard.sh";
const MERGE: &str = "merge.sh";
/// The jobs that were submitted last, in a line.
const JOBS: &str = "jobs";

impl Sweep {
    /// The folder of a part.
    pub(super) fn part(&self, part: u32) -> PathBuf {
        self.parts.join(format!("{part}-of-{}", self.shards))
    }

    /// What an array task runs.
    fn shard_script(&self) -> String {
        let Self { shards, .. } = self;
        let [folder, bench, spec, parts] =
            [&self.folder, &self.bench, &self.spec, &self.parts].map(quoted);
        format!(
            "#!/usr/bin/env bash\n\
             # A part of a sweep, on a node of its own; made by `bench submit`.\n\
             set -euo pipefail\n\
             cd {folder}\n\
             part=$SLURM_ARRAY_TASK_ID\n\
             exec {bench} sweep {spec} --shard \"$part/{shards}\" --out {parts}/\"$part-of-{shards}\"\n"
        )
    }

    /// What runs when all parts have ended well.
    fn merge_script(&self) -> String {
        let [folder, bench, out] = [&self.folder, &self.bench, &self.out].map(quoted);
        let parts: String =
            (1..=self.shards).map(|part| format!(" {}", quoted(self.part(part)))).collect();
        format!(
            "#!/usr/bin/env bash\n\
             # The parts of a sweep become one; made by `bench submit`.\n\
             set -euo pipefail\n\
             cd {folder}\n\
             {bench} merge --out {out}{parts}\n\
             {bench} plot {out}\n\
             {bench} report {out}\n"
        )
    }

    /// The arguments of `sbatch` for the parts that are missing.
    fn array(&self, missing: &[u32]) -> Vec<String> {
        let tasks: Vec<String> = missing.iter().map(u32::to_string).collect();
        let mut arguments = self.job("%A_%a");
        // Nobody else's work on the node: it would be in the numbers.
        arguments.extend(["--exclusive".to_owned(), format!("--array={}", tasks.join(","))]);
        let SlurmOptions { constraint, time, .. } = &self.options;
        arguments.extend(constraint.iter().map(|features| format!("--constraint={features}")));
        arguments.extend(time.iter().map(|time| format!("--time={time}")));
        arguments.push(self.parts.join(SHARD).display().to_string());
        arguments
    }

    /// Those for the merge, after the job `after` if there is one.
    fn merge(&self, after: Option<&str>) -> Vec<String> {
        let mut arguments = self.job("%j_merge");
        if let Some(after) = after {
            // Else the merge would wait for ever where a part has failed.
            arguments.push("--kill-on-invalid-dep=yes".to_owned());
            arguments.push(format!("--dependency=afterok:{after}"));
        }
        arguments.push(self.parts.join(MERGE).display().to_string());
        arguments
    }

    fn job(&self, log: &str) -> Vec<String> {
        let name = self.out.file_name().unwrap_or_default().display();
        let mut arguments = vec![
            "--parsable".to_owned(),
            format!("--job-name=bench-{name}"),
            "--nodes=1".to_owned(),
            format!("--output={}/{log}.log", self.parts.display()),
        ];
        let partition = self.options.partition.iter();
        arguments.extend(partition.map(|name| format!("--partition={name}")));
        arguments
    }

    /// The scripts and commands, for a plan that is only shown.
    pub(super) fn in_words(&self, missing: &[u32]) -> String {
        let mut text = format!("{}\n", self.plan(missing));
        let mut show = |name: &str, script: &str, arguments: &[String]| {
            text += &format!("\n{}:\n", self.parts.join(name).display());
            script.lines().for_each(|line| text += &format!("    {line}\n"));
            text += &format!("$ sbatch {}\n", joined(arguments));
        };
        if !missing.is_empty() {
            show(SHARD, &self.shard_script(), &self.array(missing));
        }
        let after = if missing.is_empty() { None } else { Some("JOB") };
        show(MERGE, &self.merge_script(), &self.merge(after));
        text
    }

    /// Which parts are to be run.
    fn plan(&self, missing: &[u32]) -> String {
        let shards = self.shards;
        match missing {
            [] => format!("all {shards} parts are measured; they are to be merged"),
            all if all.len() == shards as usize => format!("{shards} parts, then their merge"),
            some => {
                let some: Vec<String> = some.iter().map(u32::to_string).collect();
                format!("{} of {shards} parts are missing, then the merge", some.join(", "))
            }
        }
    }

    /// Writes the scripts, submits the jobs, and says what to do next.
    pub(super) fn submit(&self, missing: &[u32]) -> Result<String, Failure> {
        self.nothing_is_running()?;
        fs::create_dir_all(&self.parts)
            .with_context(|| format!("cannot make {}", self.parts.display()))?;
        let write = |name: &str, text: &str| {
            let path = self.parts.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write(SHARD, &self.shard_script())?;
        write(MERGE, &self.merge_script())?;
        let array = if missing.is_empty() { None } else { Some(sbatch(&self.array(missing))?) };
        if let Some(array) = &array {
            write(JOBS, array)?;
        }
        let merge = sbatch(&self.merge(array.as_deref()))?;
        let jobs: Vec<String> = array.into_iter().chain([merge]).collect();
        write(JOBS, &jobs.join(" "))?;
        let parts = quoted(&self.parts);
        let mut text = format!("submitted: {}\n", self.plan(missing));
        let next = [
            ("watch", format!("squeue --jobs={}", jobs.join(","))),
            ("read", format!("tail -n 3 {parts}/*.log")),
            ("stop", format!("scancel {}", jobs.join(" "))),
            ("go on", "the same command again submits what is missing".to_owned()),
            ("then", format!("bench cmp {}", quoted(&self.out))),
        ];
        next.iter().for_each(|(what, how)| text += &format!("{what:>9}: {how}\n"));
        Ok(text)
    }

    /// Two jobs must not write into one folder.
    fn nothing_is_running(&self) -> Result<(), Failure> {
        let Ok(jobs) = fs::read_to_string(self.parts.join(JOBS)) else { return Ok(()) };
        let jobs: Vec<&str> = jobs.split_whitespace().collect();
        let listed = Command::new("squeue")
            .args(["--noheader", &format!("--jobs={}", jobs.join(","))])
            .output()
            .context("cannot run squeue")?;
        // Of jobs that it has forgotten it says so, and fails.
        if listed.status.success() && !listed.stdout.trim_ascii().is_empty() {
            return Err(usage(format!(
                "jobs of this sweep are still queued or running; wait for them, or stop them with \
                 scancel {}",
                jobs.join(" ")
            )));
        }
        Ok(())
    }
}

/// Submits a job, and returns its number.
fn sbatch(arguments: &[String]) -> anyhow::Result<String> {
    let output = Command::new("sbatch").args(arguments).output().context(
        "cannot run sbatch; submit from a node of a cluster that has Slurm (--dry-run shows the \
         scripts anywhere)",
    )?;
    let line = joined(arguments);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(anyhow!("`sbatch {line}` failed: {}", said.trim()));
    }
    // The number, and the cluster's name if there are several.
    let printed = String::from_utf8_lossy(&output.stdout);
    let job = printed.trim().split(';').next().unwrap_or_default();
    if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(anyhow!("`sbatch {line}` printed no number of a job: {}", printed.trim()));
    }
    Ok(job.to_owned())
}

/// A word of a shell's command.
fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    // A word with a zero byte is no path.
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), |word| word.into_owned())
}

fn joined(words: &[String]) -> String {
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> Sweep {
        Sweep {
            bench: "/b in/bench".into(),
            spec: "/e/a b.toml".into(),
            folder: "/e".into(),
            parts: "/r/a b.parts".into(),
            out: "/r/a b".into(),
            shards: 3,
            options: SlurmOptions {
                constraint: Some("epyc&ib".to_owned()),
                partition: None,
                time: Some("1:00".to_owned()),
            },
        }
    }

    #[test]
    fn only_what_is_missing_is_an_array_task() {
        let array = sweep().array(&[1, 3]);
        for wanted in ["--array=1,3", "--exclusive", "--constraint=epyc&ib", "--time=1:00"] {
            assert!(array.iter().any(|one| one == wanted), "{wanted}: {array:?}");
        }
        assert!(!array.iter().any(|one| one.starts_with("--partition")));
        assert!(sweep().plan(&[1, 3]).starts_with("1, 3 of 3"));
        assert!(sweep().plan(&[1, 2, 3]).starts_with("3 parts"));
    }

    #[test]
    fn the_merge_waits_for_the_array_to_end_well() {
        let merge = sweep().merge(Some("17"));
        assert!(merge.iter().any(|one| one == "--dependency=afterok:17"), "{merge:?}");
        assert!(!merge.iter().any(|one| one == "--exclusive"), "{merge:?}");
        assert!(!sweep().merge(None).iter().any(|one| one.contains("dependency")));
    }

    #[test]
    fn scripts_quote_paths() {
        let words = |script: &str, of: &str| {
            let line = script.lines().find(|line| line.contains(of)).unwrap().to_owned();
            shlex::Shlex::new(&line).collect::<Vec<_>>()
        };
        let shard = words(&sweep().shard_script(), " sweep ");
        assert_eq!(
            shard,
            [
                "exec",
                "/b in/bench",
                "sweep",
                "/e/a b.toml",
                "--shard",
                "$part/3",
                "--out",
                "/r/a b.parts/$part-of-3"
            ]
        );
        let merge = words(&sweep().merge_script(), " merge ");
        assert_eq!(merge[..4], ["/b in/bench", "merge", "--out", "/r/a b"]);
        assert_eq!(merge[4..], [1, 2, 3].map(|part| format!("/r/a b.parts/{part}-of-3")));
    }
}
