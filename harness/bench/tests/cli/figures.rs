//! `bench plot`.

use std::collections::HashMap;
use std::path::Path;

use crate::lab;
use crate::recorded::{edit, recorded};
use crate::support::{Lab, TINY, is_png, spec, tiny_alone};

fn swept() -> Lab {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    lab.run("sweep tiny.toml --out r --blocks 1").exits(0);
    std::fs::remove_dir_all(lab.path("r/figures")).unwrap();
    lab
}

#[test]
fn a_figure_in_the_formats_and_style_asked_for() {
    let lab = swept();
    let plot = "plot r --figure throughput-threads";
    let ran = lab.run(&format!("{plot} --format png")).exits(0);
    let files: Vec<&str> = ran.out.lines().collect();
    let (captions, files): (Vec<&str>, Vec<&str>) =
        files.iter().partition(|file| file.ends_with(".caption"));
    assert!(!files.is_empty() && files.iter().all(|file| is_png(&lab.path(file))), "{files:?}");
    assert_eq!(captions.len(), files.len());
    assert!(lab.read(captions[0]).contains("256 keys"), "what it holds fixed");
    assert_eq!(lab.snapshot("r/figures").len(), 2 * files.len());
    let ran = lab.run(&format!("{plot} --format svg,png")).exits(0).prints(&[".svg", ".png"]);
    let svg = ran.out.lines().find(|line| line.ends_with(".svg")).unwrap();
    let acm = lab.read(svg);
    assert!(acm.starts_with("<svg") || acm.starts_with("<?xml"), "{}", &acm[..50]);
    lab.run(&format!("{plot} --style slides --format svg")).exits(0);
    assert_ne!(acm, lab.read(svg), "the style does not matter");
}

#[cfg(feature = "pdf")]
#[test]
fn a_figure_for_latex() {
    let lab = swept();
    let plot = "plot r --figure throughput-threads --format pdf,pgf";
    lab.run(plot).exits(0).prints(&[
        "figures/throughput-threads.pdf\n",
        "figures/throughput-threads.tex\n",
        "figures/throughput-threads.dat\n",
    ]);
    let files = lab.snapshot("r/figures");
    assert_eq!(files.len(), 4, "{:?}", files.keys());
    let pdf = std::fs::read(lab.path("r/figures/throughput-threads.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let table = lab.read("r/figures/throughput-threads.dat");
    let values = table.lines().filter(|line| line.starts_with("1;")).count();
    assert_eq!(values, 6, "{table}");
    assert!(lab.read("r/figures/throughput-threads.tex").contains("throughput-threads.dat"));
    lab.run(plot).exits(0);
    assert!(files == lab.snapshot("r/figures"), "other bytes");
}

#[cfg(not(feature = "pdf"))]
#[test]
fn without_its_feature_pdf_is_refused() {
    swept().run("plot r --format pdf").exits(1).says(&["without its feature `pdf`"]);
}

#[test]
fn several_folders_are_drawn_together_in_the_first() {
    let lab = swept();
    lab.run("plot r --format svg").exits(0);
    let captions = || -> Vec<_> {
        let is_one = |name: &Path| name.extension().is_some_and(|end| end == "caption");
        lab.snapshot("r/figures").into_iter().filter(|(name, _)| is_one(name)).collect()
    };
    let alone = captions();
    lab.copy("r", "s");
    std::fs::remove_dir_all(lab.path("s/figures")).unwrap();
    lab.run("plot r s --format svg").exits(0).prints(&["r/figures/"]);
    assert!(!lab.path("s/figures").exists());
    assert!(!alone.is_empty() && captions() == alone, "a trial and its copy are two trials");
}

#[test]
fn blocks_of_several_folders_are_told_apart() {
    let lab = recorded("quickstart-recorded");
    edit(&lab, "papaya", |row| row["structure"] == "papaya");
    edit(&lab, "others", |row| row["structure"] != "papaya");
    let figure = "--figure ratio-heatmap --baseline papaya --format svg --out f";
    let said = ["`ratio-heatmap` cannot be drawn", "no subject has trials in the same blocks"];
    lab.run(&format!("plot papaya others {figure}")).exits(2).says(&said);
    // Parts of a sweep are of different blocks.
    let parity = |row: &HashMap<String, String>| row["block"].parse::<u32>().unwrap() % 2;
    edit(&lab, "even", |row| parity(row) == 0);
    edit(&lab, "odd", |row| parity(row) == 1);
    let parts = lab.run(&format!("plot even odd {figure}")).exits(0);
    let parts = parts.prints(&["f/ratio-heatmap.svg"]);
    assert!(!parts.err.contains("two runs"), "{}", parts.err);
    edit(&lab, "again", |row| {
        row.insert("started_at".to_owned(), "later".to_owned());
        true
    });
    let said = ["r and again are two runs of the same cells, drawn as one run of more blocks"];
    lab.run(&format!("plot r again {figure}")).exits(0).says(&said);
}

/// A median is of trials of one kind. Those of other cells may be of another one.
#[test]
fn trials_of_a_cell_are_measured_for_one_time() {
    let lab = recorded("quickstart-recorded");
    let longer = lab.read("r/experiment.toml").replace("seconds = 0.1", "seconds = 2");
    edit(&lab, "even", |row| row["block"].parse::<u32>().unwrap() % 2 == 0);
    edit(&lab, "odd", |row| row["block"].parse::<u32>().unwrap() % 2 == 1);
    lab.write("odd/experiment.toml", &longer);
    let said = ["`seconds` is 0.1 in even and 2 in odd"];
    for command in ["plot", "cmp", "rank", "report"] {
        lab.run(&format!("{command} even odd")).exits(2).says(&said);
    }
    edit(&lab, "papaya", |row| row["structure"] == "papaya");
    edit(&lab, "others", |row| row["structure"] != "papaya");
    lab.write("others/experiment.toml", &longer);
    let figure = "--figure throughput-threads --format svg --out f";
    lab.run(&format!("plot papaya others {figure}")).exits(0).prints(&["f/throughput-threads"]);
}

/// What a filter leaves out is compared with nothing.
#[test]
fn cells_that_are_not_drawn_may_be_of_another_kind() {
    let lab = recorded("quickstart-recorded");
    let is_even = |block: &str| block.parse::<u32>().unwrap() % 2 == 0;
    edit(&lab, "locks", |row| row["structure"] != "papaya" && is_even(&row["block"]));
    edit(&lab, "others", |row| {
        !row["structure"].starts_with("chaining") && !is_even(&row["block"])
    });
    let longer = lab.read("r/experiment.toml").replace("seconds = 0.1", "seconds = 2");
    lab.write("others/experiment.toml", longer);
    let plot = "plot locks others --figure throughput-threads --format svg --out f";
    let said = ["`seconds` is 0.1 in locks and 2 in others"];
    lab.run(plot).exits(2).says(&said);
    lab.run(&format!("{plot} --filter dashmap*")).exits(2).says(&said);
    // Of one folder and of the other.
    for filter in ["chaining*", "papaya*"] {
        lab.run(&format!("{plot} --filter {filter}")).exits(0).prints(&["f/throughput-threads"]);
    }
    lab.run(&format!("{plot} --filter papya")).exits(2).says(&["nearest: papaya"]);
}

/// Those that took turns found other caches than those that took none.
#[test]
fn trials_of_a_cell_all_take_turns_or_none_does() {
    let lab = recorded("quickstart-recorded");
    edit(&lab, "even", |row| row["block"].parse::<u32>().unwrap() % 2 == 0);
    edit(&lab, "odd", |row| row["block"].parse::<u32>().unwrap() % 2 == 1);
    let turned = |folder: &str| {
        let text = lab.read(&format!("{folder}/trials.csv"));
        let more = std::iter::once("slices").chain(std::iter::repeat("9"));
        let lines = text.lines().zip(more).map(|(line, more)| format!("{line},{more}\n"));
        lab.write(&format!("{folder}/trials.csv"), lines.collect::<String>());
    };
    turned("odd");
    for command in ["plot even odd", "plot odd even", "cmp even odd", "rank odd even"] {
        lab.run(command).exits(2).says(&["took turns in odd and took none in even"]);
    }
    edit(&lab, "papaya", |row| row["structure"] == "papaya");
    edit(&lab, "others", |row| row["structure"] != "papaya");
    turned("others");
    let figure = "--figure throughput-threads --format svg --out f";
    lab.run(&format!("plot papaya others {figure}")).exits(0).prints(&["f/throughput-threads"]);
}

#[test]
fn what_cannot_be_drawn() {
    let lab = swept();
    let unknown = ["`throughput-thread`", "did you mean `throughput-threads`"];
    lab.run("plot r --figure throughput-thread").exits(2).says(&unknown);
    lab.run("plot r --format bmp").exits(2).says(&["bmp", "svg"]);
    lab.run("plot r --style nature").exits(2).says(&["nature", "acm"]);
    lab.run("plot missing").exits(2).says(&["there is no folder missing"]);
    std::fs::create_dir(lab.path("empty")).unwrap();
    lab.run("plot empty").exits(2).says(&["empty is not a result folder"]);
    lab.copy("r", "other");
    let machine = lab.read("r/machine.toml");
    let line = machine.lines().find(|line| line.starts_with("kernel = ")).unwrap();
    lab.write("other/machine.toml", machine.replace(line, "kernel = \"0.01\""));
    let said = ["r and other were measured by different machines", "kernel"];
    lab.run("plot r other").exits(2).says(&said);
    lab.write("spec.toml", spec(0.01, 1));
    let header = lab.read("r/trials.csv").lines().next().unwrap().to_owned();
    lab.write("r/trials.csv", header + "\n");
    lab.run("plot r").exits(2).says(&["r holds no trials yet"]);
    assert!(!lab.path("r/figures").exists(), "something was drawn");
}

#[test]
fn figures_of_memory_need_what_they_show() {
    let lab = swept();
    let lacks = [
        ("unreclaimed-over-time", "needs `series = true`"),
        ("batch-sweep", "do not differ in `reclaim_batch`"),
    ];
    for (figure, what) in lacks {
        lab.run(&format!("plot r --figure {figure}")).exits(2).says(&[figure, what]);
    }
    assert!(!lab.path("r/figures").exists(), "something was drawn");
    lab.run("plot r --figure throughput-memory").exits(0).prints(&["throughput-memory.svg"]);
    let series = TINY.replacen("controls", "series = true\ncontrols", 1);
    lab.write("s.toml", series + "fault = ['none', 'stalled-reader']\n");
    let ran = lab.run("sweep s.toml --out s").exits(0);
    ran.prints(&["s/series.csv", "unreclaimed-over-time.svg", "throughput-memory-no-fault.svg"]);
    let svg = lab.read("s/figures/unreclaimed-over-time.svg");
    for text in ["stalled-reader", "no fault", "unreclaimed bytes", "epoch", "leak", "seconds"] {
        assert!(svg.contains(text), "no {text} in the picture");
    }
}

#[test]
fn a_papers_figure_without_a_script() {
    let lab = swept();
    let plot = "plot r --format svg --figure throughput-threads,throughput-bars --out fig";
    lab.run(plot).exits(0).prints(&["fig/throughput-threads.svg\n", "fig/throughput-bars.svg\n"]);
    assert!(!lab.path("r/figures").exists(), "--out is where figures go");
    let width =
        |lab: &Lab| lab.read("fig/throughput-threads.svg").split('"').nth(1).unwrap().to_owned();
    lab.run(&format!("{plot} --width 84mm")).exits(0);
    assert_eq!(width(&lab), "238.11pt");
    lab.run(&format!("{plot} --width 5in")).exits(0);
    assert_eq!(width(&lab), "360.00pt");
    let said = ["--width", "20mm", "mm, cm, in, pt or bp"];
    lab.run("plot r --width 84").exits(2).says(&said);
    lab.run("plot r --width 8mm").exits(2).says(&said);
    // Names of the paper's own, and cells that it shows.
    lab.run(&format!("{plot} --label chaining-lock-free/leak=none --filter *threads=1*")).exits(0);
    let svg = lab.read("fig/throughput-bars.svg");
    assert!(svg.contains("\nnone\n") && !svg.contains("chaining-lock-free/leak"), "{svg}");
    let unknown = ["no subject, scheme or table is called `lek`", "did you mean `leak`"];
    lab.run(&format!("{plot} --label lek=none")).exits(2).says(&unknown);
    lab.run(&format!("{plot} --label leak")).exits(2).says(&["a name, `=`"]);
    lab.run(&format!("{plot} --filter nothing"))
        .exits(2)
        .says(&["--filter nothing leaves no cell"]);
    let asked = ["as '*threads=1*' does"];
    lab.run(&format!("{plot} --filter threads=1")).exits(2).says(&asked);
    // The legend.
    let legend = "plot r --format svg,pgf --figure throughput-threads --out legend --legend";
    let ran = lab.run(&format!("{legend} own-file")).exits(0);
    ran.prints(&["legend/throughput-threads-legend.svg", "legend/throughput-threads-legend.tex"]);
    let (own, other) = (
        lab.read("legend/throughput-threads-legend.svg"),
        lab.read("legend/throughput-threads.svg"),
    );
    assert!(own.contains("chaining-bucket-lock") && !other.contains("chaining-bucket-lock"));
    lab.run(&format!("{legend} none")).exits(0);
    assert_eq!(other, lab.read("legend/throughput-threads.svg"));
    lab.run(&format!("{legend} top")).exits(0);
    assert!(lab.read("legend/throughput-threads.svg").contains("chaining-bucket-lock"));
}
