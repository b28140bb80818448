//! Folders of `cargo predict --out`: `plot` and `report` show them, and nothing else takes them.

use std::path::Path;

use crate::lab;
use crate::support::{Lab, is_png, tiny_alone};

const COLUMNS: &str = "structure,reclaimer,threads,reads,zipf,keys,ops_per_sec,low,high,draws,source,machine,\
    published,published_of,work_from,accesses,l1,l2,llc,memory,upgrades,near,far,invalidations,failed_cas,\
    queued_cycles,parks,cycles_work,cycles_branches,cycles_atomics,cycles_caches,cycles_memory,cycles_upgrades,\
    cycles_near,cycles_far,cycles_queued,cycles_pauses,cycles_system";

/// A prediction of that rate, with that band.
fn row(structure: &str, threads: usize, rate: f64, band: (f64, f64), published: &str) -> String {
    let (low, high) = band;
    let of = if published.is_empty() { "" } else { "a paper" };
    format!(
        "{structure},none,{threads},90.0,0.0,1000,{rate},{low},{high},12,predicted,a machine,{published},{of},\
         instructions,9,8,0,0.5,0.1,0.1,0.2,0.1,0.3,0.0,40.5,0.0,80,9,20,30,10,5,20,30,{},0,0\n",
        40 * (threads - 1)
    )
}

/// A folder of predictions `p`: at 64 threads `a` is ahead of `c`, and the band of `b` touches both.
fn predicted() -> Lab {
    let lab = lab();
    let mut text = format!("{COLUMNS}\n");
    for (structure, rate, band, published) in
        [("a", 9e8, (8e8, 9.5e8), "6e8"), ("b", 7e8, (3e8, 8.5e8), ""), ("c", 3e8, (2e8, 4e8), "")]
    {
        text.push_str(&row(structure, 1, 2e7, (1.9e7, 2.1e7), ""));
        text.push_str(&row(structure, 64, rate, band, published));
    }
    lab.write("p/predictions.csv", text);
    lab.write(
        "p/hot-lines.csv",
        "structure,reclaimer,threads,reads,zipf,keys,machine,rank,waited_cycles,share,field,at,share_there\n\
         c,none,1,90.0,0.0,1000,a machine,1,50,0.5,Counter.alone,structures/src/counter.rs:97,1.0\n\
         c,none,64,90.0,0.0,1000,a machine,1,5000,0.5,Counter.stripes[i],structures/src/counter.rs:98,1.0\n\
         c,none,64,90.0,0.0,1000,a machine,2,5000,0.004,Counter.rare,structures/src/counter.rs:99,1.0\n",
    );
    lab.write("p/options.txt", "--draws 12 --threads 1,64 --at-one-thread published\n");
    lab.write("p/experiment.toml", "title = \"Three tables\"\nquestion = \"Which?\"\n");
    lab
}

#[test]
fn predictions_are_drawn() {
    let lab = predicted();
    let ran = lab.run("plot p").exits(0);
    let files: Vec<&str> = ran.out.lines().collect();
    for name in ["predicted-threads", "traffic-threads", "cycle-stack"] {
        assert!(is_png(&lab.path(&format!("p/figures/{name}.png"))), "{files:?}");
    }
    assert_eq!(files.len(), 3 * 3, "with captions: {files:?}");
    let caption = lab.read("p/figures/predicted-threads.caption");
    assert!(caption.contains("Predicted, not measured"), "{caption}");
    assert!(caption.contains("a, 90 % reads, θ = 0 (a paper): 1.50 at 64 threads"), "{caption}");
    lab.run("plot p --filter a --figure cycle-stack --label a=mine --format svg --out f").exits(0);
    let svg = lab.read("f/cycle-stack.svg");
    assert!(svg.contains("mine") && !svg.contains("\nc\n"), "{svg}");
    for (arguments, said) in [
        ("--filter z", "leaves no cell of the predictions"),
        ("--filter threads=1", "leaves no cell of the predictions: it must match the whole"),
        ("--label z=y", "no subject, scheme or table is called `z`"),
        ("--baseline a", "no figure of predictions has ratios"),
        ("--figure throughput-threads", "these are predictions"),
        ("p", "again"),
    ] {
        lab.run(&format!("plot p {arguments}")).exits(2).says(&[said]);
    }
}

#[test]
fn a_page_of_predictions_has_verdicts_only_where_bands_do_not_touch() {
    let lab = predicted();
    lab.run("report p").exits(0).prints(&["p/report.html"]);
    let page = lab.read("p/report.html");
    for part in ["Three tables", "Predicted, not measured", "Counter.stripes[i]", "50.0 %", "1.50"]
    {
        assert!(page.contains(part), "no {part}");
    }
    assert!(!page.contains("Counter.rare") && !page.contains("Counter.alone"));
    assert!(!page.contains("What the trials say"));
    assert_eq!(ahead(&page), ["c"]);
    lab.run("report p").exits(0);
    assert_eq!(page, lab.read("p/report.html"));
}

/// The names in the last column of the page's rows, where they are of these tables.
fn ahead(page: &str) -> Vec<&str> {
    // The last field of a row.
    let last = |line| Some(str::strip_suffix(line, "</td></tr>")?.rsplit_once("<td>")?.1);
    let names = page.lines().filter_map(last);
    names.filter(|names| ["a", "b", "c", "b, c"].contains(names)).collect()
}

/// Of rates alone nobody knows which is ahead: a band that has no width is none, in either of two rows.
#[test]
fn without_bands_there_are_no_verdicts() {
    let lab = predicted();
    let whole = lab.read("p/predictions.csv");
    for (band, rate) in [("800000000,950000000", 900_000_000), ("200000000,400000000", 300_000_000)]
    {
        assert!(whole.contains(band), "{whole}");
        let none = format!("{rate},{rate}");
        lab.write("p/predictions.csv", whole.replace(band, &none));
        lab.run("report p").exits(0);
        assert_eq!(ahead(&lab.read("p/report.html")), [""; 0], "{rate}");
    }
}

/// Another folder `q`, of another machine, whose most threads are 16.
fn of_two_machines() -> Lab {
    let lab = predicted();
    for name in ["predictions.csv", "hot-lines.csv", "experiment.toml", "options.txt"] {
        let text = lab.read(&format!("p/{name}"));
        let text = text.replace("a machine", "a toaster").replace(",none,64,", ",none,16,");
        lab.write(&format!("q/{name}"), text.replace("Counter.stripes", "Counter.toasted"));
    }
    lab
}

/// Each machine's lines are those at its own most threads, and say whose they are.
#[test]
fn hot_lines_of_two_machines_are_told_apart() {
    let lab = of_two_machines();
    lab.run("report p q").exits(0);
    let page = lab.read("p/report.html");
    for (machine, field) in
        [("a machine", "Counter.stripes[i]"), ("a toaster", "Counter.toasted[i]")]
    {
        let mut lines = page.lines();
        let line = lines.find(|line| line.contains(field)).expect(field);
        assert!(line.contains(&format!("<td>{machine}</td>")), "{line}");
    }
    assert!(!page.contains("Counter.alone"));
}

/// A page is of the cells that are asked for, and of their lines. What says something of trials is refused.
#[test]
fn a_page_of_predictions_is_filtered() {
    let lab = of_two_machines();
    lab.run("report p q --filter a").exits(0);
    let page = lab.read("p/report.html");
    assert!(page.contains("<td>a</td>") && !page.contains("<td>c</td>"));
    assert!(!page.contains("Counter"), "lines of c are left");
    // Of c at 1 thread: its line there.
    lab.run("report p --filter *threads=1*").exits(0);
    let page = lab.read("p/report.html");
    assert!(page.contains("Counter.alone") && !page.contains("Counter.stripes"));
    for (arguments, said) in [
        ("--filter z", "--filter z leaves no cell of the predictions"),
        ("--baseline a", "--baseline: these are predictions"),
        ("--controls", "--controls: these are predictions"),
        ("--metric cpu", "--metric: these are predictions"),
        ("--across-machines", "--across-machines: these are predictions"),
    ] {
        lab.run(&format!("report p {arguments}")).exits(2).says(&[said]);
    }
}

/// A table whose work was set by a rate, and one whose instructions were counted, are not compared.
#[test]
fn work_from_two_sources_is_not_compared() {
    let lab = predicted();
    let whole = lab.read("p/predictions.csv");
    lab.run("report p").exits(0);
    assert!(lab.read("p/report.html").contains("work from instructions"));
    let c = whole.lines().find(|line| line.starts_with("c,none,64,")).expect("a row of c");
    let set = c.replace(",instructions,", ",published,");
    lab.write("p/predictions.csv", whole.replace(c, &set));
    lab.run("report p").exits(0);
    let page = lab.read("p/report.html");
    assert_eq!(ahead(&page), [""; 0]);
    assert!(page.contains("<td>published</td>"), "{page}");
}

/// Tables are compared under one mix alone, and cells that differ in it are two. A file without the column has no upserts.
#[test]
fn mixes_are_told_apart() {
    let lab = predicted();
    for name in ["predictions.csv", "hot-lines.csv", "experiment.toml", "options.txt"] {
        let text = lab.read(&format!("p/{name}")).replace("reads,zipf", "reads,upserts,zipf");
        lab.write(&format!("q/{name}"), text.replace(",90.0,", ",90.0,10.0,"));
    }
    lab.run("report p q").exits(0);
    assert_eq!(ahead(&lab.read("p/report.html")), ["c", "c"]);
    lab.run("report p q --filter *upserts=10*").exits(0);
    assert_eq!(ahead(&lab.read("p/report.html")), ["c"]);
    lab.run("plot q").exits(0);
    let caption = lab.read("q/figures/predicted-threads.caption");
    assert!(caption.contains("a, 90 % reads, 10 % upserts, θ = 0 (a paper)"), "{caption}");
}

/// Machines of one name and other numbers are two. Where a number is from, and what is published, is none.
#[test]
fn one_name_is_one_machine() {
    let lab = predicted();
    for name in ["predictions.csv", "hot-lines.csv", "experiment.toml", "options.txt"] {
        let text = lab.read(&format!("p/{name}")).replace("reads,zipf", "reads,upserts,zipf");
        lab.write(&format!("q/{name}"), text.replace(",90.0,", ",90.0,10.0,"));
    }
    let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/machines");
    let machine = std::fs::read_to_string(machines.join("xeon-8375c.toml")).expect("shipped");
    lab.write("p/model.toml", &machine);
    // The same numbers, written otherwise and from elsewhere, and what no prediction follows from.
    let (numbers, _) = machine.split_once("[[published]]").expect("it has curves");
    let near = "near_ns = { is = 51, source = \"";
    assert!(numbers.contains(near));
    let numbers = numbers.replace(near, "near_ns = { is = 51.0, source = \"a manual, and ");
    let seven = |name: &str| format!("{name} = {{ is = 7, source = 's' }}\n");
    let counts = ["cached", "given_back", "taken"].map(seven);
    lab.write("q/model.toml", numbers + "[allocator]\n" + &counts.concat());
    lab.run("report p q").exits(0);
    let said = ["p and q predict on two machines of one name, `a machine`: numbers"];
    // Another number; and a file of another version, of which nothing is known.
    for (from, to) in [("is = 51,", "is = 52,"), ("near_ns", "nearest_ns")] {
        lab.write("q/model.toml", machine.replace(from, to));
        for command in ["plot", "report"] {
            lab.run(&format!("{command} p q")).exits(2).says(&said);
        }
    }
}

/// Cells that differ in their scheme's batch are two, and say which.
#[test]
fn batches_are_told_apart() {
    let lab = predicted();
    for name in ["predictions.csv", "hot-lines.csv", "experiment.toml", "options.txt"] {
        let text = lab.read(&format!("p/{name}")).replace("zipf,keys,", "zipf,keys,reclaim_batch,");
        lab.write(&format!("q/{name}"), text.replace(",0.0,1000,", ",0.0,1000,120,"));
    }
    lab.run("report p q").exits(0);
    let page = lab.read("p/report.html");
    for part in ["<td>a</td>", "<td>a, batch 120</td>", "<td>c, batch 120</td>"] {
        assert!(page.contains(part), "no {part}");
    }
    lab.run("report p q --filter *reclaim_batch=120*").exits(0);
    assert!(!lab.read("p/report.html").contains("<td>a</td>"));
}

#[test]
fn trials_and_predictions_are_never_one() {
    let lab = predicted();
    lab.write("tiny.toml", tiny_alone());
    lab.run("sweep tiny.toml --out r --blocks 1").exits(0);
    lab.run("plot r p").exits(2).says(&["r holds trials and p predictions"]);
    let said = ["p holds predictions (predictions.csv)", "`bench plot` and `bench report`"];
    let before = lab.snapshot("p");
    for arguments in [
        "cmp p",
        "cmp r p",
        "rank p",
        "scaling p",
        "merge r p --out m",
        "export p --format bencher",
        "sweep tiny.toml --out p",
        "sweep tiny.toml --out p --fresh",
    ] {
        lab.run(arguments).exits(2).says(&said);
    }
    assert!(before == lab.snapshot("p"));
    // A section of its own, and nothing of it among the trials.
    lab.run("report r --out r.html").exits(0);
    lab.run("report r p --out both.html").exits(0);
    let (trials, both) = (lab.read("r.html"), lab.read("both.html"));
    let section = both.find("<section id=\"predicted\">").expect("a section");
    let before = trials.find("<section id=\"validity\">").expect("a section");
    let links = |page: &str| page.replace("<a href=\"#predicted\">Predicted</a>", "");
    assert!(links(&both).starts_with(&trials[..before]));
    assert!(section > before && !trials.contains("Predicted"));
    let again = "cargo predict results/p/experiment.toml --machine results/p/model.toml --draws 12 --threads 1,64 \
                 --at-one-thread published --out results/p-again";
    assert!(both.contains(again));
    std::fs::remove_file(lab.path("p/options.txt")).expect("it is there");
    lab.run("report p").exits(2).says(&["cannot read p/options.txt"]);
}

#[test]
fn a_row_that_is_no_prediction_is_refused() {
    let lab = predicted();
    let whole = lab.read("p/predictions.csv");
    for (from, to, said) in [
        (",predicted,", ",measured,", "source is `measured`, not `predicted`"),
        ("900000000", "-1", "is no prediction"),
        ("900000000", "799999999", "the rate is within its band"),
        ("900000000", "950000001", "the rate is within its band"),
        ("ops_per_sec", "rate", "cannot understand p/predictions.csv"),
    ] {
        assert!(whole.contains(from), "{from}");
        lab.write("p/predictions.csv", whole.replacen(from, to, 1));
        lab.run("plot p").exits(2).says(&[said]);
        lab.run("report p").exits(2).says(&[said]);
    }
    lab.write("p/predictions.csv", format!("{COLUMNS}\n"));
    lab.run("report p").exits(2).says(&["holds no prediction"]);
}

/// A row that is being written is none yet, nor is what a stopped run has left of one: its last number may be cut.
#[test]
fn a_torn_row_is_left_out() {
    let lab = predicted();
    let whole = lab.read("p/predictions.csv");
    let last = whole.lines().next_back().expect("a row").len() + 1;
    for lost in [1, last / 2, last - 1] {
        lab.write("p/predictions.csv", &whole[..whole.len() - lost]);
        lab.run("report p").exits(0);
        // Nothing is behind `a`: it is the row of `c` at 64 threads.
        assert_eq!(ahead(&lab.read("p/report.html")), [""; 0], "{lost}");
    }
}
