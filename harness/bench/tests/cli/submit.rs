//! `bench submit`, before programs that do as Slurm's do. `ci/slurm.sh` is the same before Slurm itself.

use crate::lab;
use crate::support::{Lab, Ran, TINY_CELLS, assert_complete, plan, tiny_alone};

/// Runs a job at once, or one task after the other; not a task that the file `killed` names, nor a job that
/// depends on one which failed.
const SBATCH: &str = r#"#!/usr/bin/env bash
for argument; do
    case $argument in
        --array=*) tasks=${argument#--array=} ;;
        --dependency=afterok:*) after=${argument##*:} ;;
        --*) ;;
        *) script=$argument ;;
    esac
done
job=$(($(cat number 2>/dev/null || echo 40) + 1))
echo $job >number
echo "$*" >>submitted
echo "$job;cluster"
[ -z "${after:-}" ] || [ -e "ended-$after" ] || exit 0
for task in ${tasks//,/ }; do
    [ "$task" != "$(cat killed 2>/dev/null)" ] || { failed=1; continue; }
    SLURM_ARRAY_TASK_ID=$task bash "$script" >>log 2>&1 || failed=1
done
[ -n "${tasks:-}" ] || bash "$script" >>log 2>&1 || failed=1
[ -n "${failed:-}" ] || touch "ended-$job"
"#;

fn cluster() -> Lab {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone().replace("blocks = 2", "blocks = 4"));
    lab.write("bin/sbatch", SBATCH);
    lab.write("bin/squeue", "#!/usr/bin/env bash\ncat queue 2>/dev/null\n");
    lab
}

fn submit(lab: &Lab, arguments: &str) -> Ran {
    lab.run_after(
        "chmod +x bin/*; export PATH=$PWD/bin:$PATH",
        &format!("submit tiny.toml --slurm {arguments}"),
    )
}

#[test]
fn what_is_missing_is_submitted_and_all_is_merged() {
    let lab = cluster();
    lab.write("killed", "2");
    let ran = submit(&lab, "--shards 3 --constraint epyc").exits(0);
    ran.prints(&["3 parts, then their merge", "squeue --jobs=41,42", "scancel 41 42"]);
    let submitted = lab.read("submitted");
    for wanted in ["--array=1,2,3", "--exclusive", "--constraint=epyc", "--dependency=afterok:41"] {
        assert!(submitted.contains(wanted), "{wanted}: {submitted}");
    }
    assert!(!lab.path("results/tiny").exists(), "merged without a part");
    lab.write("killed", "");
    let ran = submit(&lab, "--shards 3").exits(0);
    ran.prints(&["2 of 3 parts are missing", "bench cmp"]);
    let submitted = lab.read("submitted");
    assert!(submitted.lines().nth(2).unwrap().contains("--array=2 "), "{submitted}");
    let rows = lab.rows("results/tiny");
    assert_complete(&rows, TINY_CELLS, 4);
    assert!(lab.path("results/tiny/report.html").exists(), "{}", lab.read("log"));
    lab.run("sweep tiny.toml --out whole").exits(0);
    let mut whole = lab.rows("whole");
    whole.sort_by_key(|row| -> (u32, u32) {
        (row["block"].parse().unwrap(), row["position"].parse().unwrap())
    });
    assert_eq!(plan(&whole), plan(&rows));
    submit(&lab, "--shards 3").exits(0).prints(&["nothing is missing"]);
    assert_eq!(lab.read("submitted").lines().count(), 4);
}

#[test]
fn what_is_measured_is_only_merged() {
    let lab = cluster();
    lab.run("sweep tiny.toml --out results/tiny.parts/1-of-1").exits(0);
    submit(&lab, "--shards 1 --dry-run").exits(0).prints(&["all 1 parts are measured"]);
    submit(&lab, "--shards 1").exits(0).prints(&["they are to be merged"]);
    assert_complete(&lab.rows("results/tiny"), TINY_CELLS, 4);
}

/// Its job was killed before it had written down of what experiment it is.
#[test]
fn a_part_that_had_hardly_begun_is_missing() {
    let lab = cluster();
    lab.write("results/tiny.parts/1-of-1/trials.csv", "");
    submit(&lab, "--shards 1").exits(0).prints(&["1 parts, then their merge"]);
    assert_complete(&lab.rows("results/tiny"), TINY_CELLS, 4);
}

#[test]
fn refusals_submit_nothing() {
    let lab = cluster();
    let refuses = |arguments: &str, code: i32, says: &str| {
        let before = lab.snapshot("");
        submit(&lab, arguments).exits(code).says(&[says]);
        assert!(before == lab.snapshot(""), "{arguments}: something changed");
    };
    refuses("--shards 5", 2, "the experiment has 4");
    refuses("--shards 0", 2, "--shards");
    lab.run("submit tiny.toml").exits(2).says(&["--slurm"]);
    lab.run("submit gone.toml --slurm").exits(2).says(&["cannot read gone.toml"]);
    let dry = submit(&lab, "--dry-run").exits(0);
    dry.prints(&["shard.sh", "merge.sh", "$ sbatch --parsable", "--array=1,2,3,4"]);
    assert!(!lab.path("results").exists());
    lab.write("results/tiny.parts/jobs", "7 8");
    lab.write("queue", "7 bench-tiny RUNNING\n");
    refuses("", 2, "scancel 7 8");
    lab.write("queue", "");
    lab.write("results/tiny/trials.csv", "");
    refuses("", 2, "exists already");
    std::fs::remove_dir_all(lab.path("results/tiny")).unwrap();
    lab.write("bin/sbatch", "#!/usr/bin/env bash\necho no such partition >&2\nexit 1\n");
    submit(&lab, "").exits(1).says(&["sbatch", "no such partition"]);
    lab.write("bin/sbatch", "#!/usr/bin/env bash\necho all is well\n");
    submit(&lab, "").exits(1).says(&["printed no number of a job"]);
    lab.run_after("PATH=/nowhere", "submit tiny.toml --slurm --out other")
        .exits(1)
        .says(&["cannot run sbatch", "--dry-run"]);
}

#[test]
fn a_part_of_another_experiment_is_refused() {
    let lab = cluster();
    lab.run("sweep tiny.toml --seed 9 --out results/tiny.parts/1-of-1").exits(0);
    submit(&lab, "--shards 1").exits(2).says(&["another experiment", "--out"]);
}
