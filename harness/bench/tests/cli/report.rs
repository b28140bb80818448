//! `bench report`: the page as a browser reads it.

use scraper::{ElementRef, Html, Selector};

use crate::lab;
use crate::recorded::{comparisons, edit, json, recorded, recorded_schemes};
use crate::support::{Lab, tiny_alone};

pub(crate) fn page(lab: &Lab, command: &str) -> Html {
    let ran = lab.run(command).exits(0);
    let page = Html::parse_document(&lab.read(ran.out.trim_end()));
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    page
}

pub(crate) fn all<'p>(page: &'p Html, selector: &str) -> Vec<ElementRef<'p>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: &ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}

/// Every text of the page's part.
fn part(page: &Html, id: &str) -> String {
    text(&all(page, &format!("section#{id}"))[0])
}

/// The cells below this heading, as sorted and as shown.
pub(crate) fn column(page: &Html, table: &str, heading: &str) -> Vec<(Option<f64>, String)> {
    let headings = all(page, &format!("#{table} th"));
    let place = headings.iter().position(|th| text(th) == heading);
    let place = place.unwrap_or_else(|| panic!("no column {heading}")) + 1;
    all(page, &format!("#{table} td:nth-child({place})"))
        .iter()
        .map(|td| (td.attr("data-value").map(|value| value.parse().unwrap()), text(td)))
        .collect()
}

#[test]
fn its_numbers_are_those_of_cmp() {
    let lab = recorded("quickstart-recorded");
    let page = page(&lab, "report r");
    let compared = json(&lab, "cmp r");
    let expected = comparisons(&compared);
    let number = |one: &serde_json::Value, key: &str| one[key].as_f64().unwrap();
    for (heading, key) in [
        ("ratio", "ratio"),
        ("95 % interval", "ratio_low"),
        ("p", "p_adjusted"),
        ("Mops/s", "ops_per_sec"),
        ("baseline's Mops/s", "baseline_ops_per_sec"),
        ("threads", "threads"),
        ("trials", "pairs"),
    ] {
        let shown = column(&page, "comparisons", heading);
        assert_eq!(shown.len(), 36);
        for ((value, _), one) in shown.iter().zip(expected) {
            // Reading JSON may cost the last digit.
            let (shown, asked) = (value.unwrap(), number(one, key));
            assert!((shown - asked).abs() <= 1e-12 * asked.abs(), "{heading}: {shown} of {one}");
        }
    }
    let verdicts = column(&page, "comparisons", "verdict");
    for ((_, shown), one) in verdicts.iter().zip(expected) {
        assert_eq!(shown.replace(' ', "-"), one["verdict"].as_str().unwrap());
    }
    // What is the same in every row is said once.
    let part = part(&page, "comparisons");
    assert!(part.contains("baseline chaining-lock-free/epoch, keys 65536"), "{part}");
}

#[test]
fn the_answer_is_computed() {
    let lab = recorded("quickstart-recorded");
    let page = page(&lab, "report r");
    let answer = part(&page, "answer");
    let rank = json(&lab, "rank r");
    let ranks = rank["ranking"]["ranks"].as_array().unwrap();
    let first = ranks[0]["subject"].as_str().unwrap();
    assert!(answer.starts_with("What the trials say"), "{answer}");
    assert!(answer.contains(&format!("{first} comes nearest to the best over 12 workloads")));
    let compared = json(&lab, "cmp r");
    for subject in ["papaya", "dashmap"] {
        let of = |verdict: &str| {
            let is_one =
                |one: &&serde_json::Value| one["subject"] == subject && one["verdict"] == verdict;
            comparisons(&compared).iter().filter(is_one).count()
        };
        let tally = answer.split(&format!("{subject} is faster under ")).nth(1).unwrap();
        let count = |n: usize| if n == 0 { "none".to_owned() } else { n.to_string() };
        assert!(tally.starts_with(&count(of("faster"))), "{tally}");
        let slower = tally.split("slower under ").nth(1).unwrap();
        assert!(slower.starts_with(&count(of("slower"))), "{slower}");
        let open = slower.split("difference shown under ").nth(1).unwrap();
        assert!(open.starts_with(&of("no-difference-shown").to_string()), "{open}");
    }
    assert!(answer.contains("640 of 640 trials are valid; the machine was quiet during 565"));
    assert_eq!(text(&all(&page, "h1")[0]), "Quickstart");
    assert!(text(&all(&page, ".question")[0]).starts_with("Which table would you pick"));
    let machine = part(&page, "machine");
    assert!(machine.contains("AMD EPYC") && machine.contains("git revision"), "{machine}");
    let repeat = part(&page, "repeat");
    assert!(repeat.contains("sweep results/r/experiment.toml --out results/r-again"), "{repeat}");
    assert!(repeat.contains(lab.read("r/experiment.toml").trim()), "{repeat}");
}

#[test]
fn it_needs_nothing_but_itself() {
    let lab = recorded("quickstart-recorded");
    let page = page(&lab, "report r");
    for element in all(&page, "*") {
        for (name, value) in element.value().attrs() {
            let refers = ["src", "href", "srcset", "data", "action", "poster"].contains(&name);
            assert!(!refers || value.starts_with('#'), "{name}={value}");
            assert!(!name.starts_with("on"), "{name}={value}");
        }
    }
    assert!(all(&page, "link, iframe, object, embed, img, base, form").is_empty());
    let html = lab.read("r/report.html").replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "url(", "@import", "fetch("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let policy = all(&page, "meta[http-equiv=Content-Security-Policy]");
    assert!(policy[0].attr("content").unwrap().starts_with("default-src 'none'"));
    // Where it was made is nobody's business.
    assert!(!html.contains(lab.path("").to_str().unwrap()));
    for link in all(&page, "nav a") {
        let target = link.attr("href").unwrap();
        assert_eq!(all(&page, target).len(), 1, "{target}");
    }
}

#[test]
fn pictures_say_their_values() {
    let lab = recorded("quickstart-recorded");
    let page = page(&lab, "report r");
    let figures: Vec<_> = all(&page, "figure").iter().filter_map(|f| f.attr("id")).collect();
    let expected = [
        "throughput-threads",
        "throughput-reads",
        "throughput-skew",
        "ratio-heatmap",
        "block-drift",
        "trial-strip",
    ];
    assert_eq!(figures, expected);
    let titles = all(&page, "#throughput-threads svg circle title");
    let titles: Vec<String> = titles.iter().map(text).collect();
    assert_eq!(titles.len(), 4 * 3 * 4);
    let value = titles.iter().find(|title| title.starts_with("papaya: ")).unwrap();
    assert!(value.contains(" Mops/s (") && value.contains("; threads: "), "{value}");
}

#[test]
fn text_from_files_is_text() {
    let lab = recorded("quickstart-recorded");
    let hostile = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;";
    let experiment = lab.read("r/experiment.toml");
    let line = experiment.lines().find(|line| line.starts_with("title")).unwrap();
    let mut edited = experiment.replace(line, &format!("title = '{hostile}'"));
    let line = experiment.lines().find(|line| line.starts_with("question")).unwrap();
    edited = edited.replace(line, &format!("question = '{hostile}'"));
    lab.write("r/experiment.toml", edited);
    edit(&lab, "h", |row| {
        if row["structure"] == "papaya" {
            row.insert("structure".to_owned(), "<script>alert(3)</script>".to_owned());
            row.insert("noise".to_owned(), "<b>loud".to_owned());
        }
        if row["structure"] == "dashmap" {
            row.insert("valid".to_owned(), "false".to_owned());
            row.insert("error".to_owned(), "<b>broken</b>".to_owned());
        }
        true
    });
    let page = page(&lab, "report h");
    assert_eq!(all(&page, "script").len(), 1);
    assert!(all(&page, "img, b").is_empty());
    assert_eq!(text(&all(&page, "h1")[0]), hostile);
    assert_eq!(text(&all(&page, "title")[0]), hostile);
    assert_eq!(text(&all(&page, ".question")[0]), hostile);
    let shown = part(&page, "throughput");
    assert!(shown.contains("<script>alert(3)</script>"), "{shown}");
    assert!(part(&page, "validity").contains("dashmap: <b>broken</b>"));
    assert!(part(&page, "validity").contains("<b>loud"));
}

#[test]
fn a_sweep_ends_with_it() {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    let ran = lab.run("sweep tiny.toml --out r").exits(0);
    assert_eq!(ran.out.lines().last(), Some("r/report.html"));
    let swept = lab.read("r/report.html");
    lab.run("report r").exits(0).prints(&["r/report.html"]);
    assert!(swept == lab.read("r/report.html"), "the sweep's page is another one");
    let page = page(&lab, "report r --out elsewhere.html");
    assert_eq!(text(&all(&page, "h1")[0]), "Tiny");
    assert_eq!(column(&page, "throughput", "Mops/s").len(), 6);
    assert_eq!(column(&page, "comparisons", "ratio").len(), 4);
    // Two blocks can show nothing, and the page says so.
    assert!(part(&page, "comparisons").contains("From 2 pairs nothing can be called"));
}

#[test]
fn two_runs_and_parts_of_one() {
    let lab = recorded_schemes();
    edit(&lab, "new", |row| {
        let faster: f64 = row["ops_per_sec"].parse::<f64>().unwrap() * 1.5;
        row.insert("ops_per_sec".to_owned(), faster.to_string());
        true
    });
    let page_of_both = page(&lab, "report r new --metric wall");
    assert!(lab.path("r/report.html").exists());
    let answer = part(&page_of_both, "answer");
    assert!(answer.contains("new against r: "), "{answer}");
    for (value, _) in column(&page_of_both, "comparisons", "ratio") {
        assert!((value.unwrap() - 1.5).abs() < 1e-9, "{value:?}");
    }
    // The rates of cells are those of the second run, not of both taken together.
    let page_of_new = page(&lab, "report new --out alone.html");
    for heading in ["Mops/s", "trials"] {
        let [both, new] =
            [&page_of_both, &page_of_new].map(|page| column(page, "throughput", heading));
        assert!(!new.is_empty() && both == new, "{heading}: {both:?} {new:?}");
    }
    assert!(part(&page_of_both, "throughput").contains("Medians over trials of new with"));
    let filtered = page(&lab, "report r --filter *threads=2* --baseline chaining-lock-free/leak");
    let all = json(&lab, "cmp r --filter *threads=2* --baseline chaining-lock-free/leak");
    assert_eq!(column(&filtered, "comparisons", "ratio").len(), comparisons(&all).len());
}

#[test]
fn without_a_valid_trial_there_is_a_page() {
    let lab = recorded_schemes();
    edit(&lab, "bad", |row| {
        row.insert("valid".to_owned(), "false".to_owned());
        row.insert("error".to_owned(), "key sum differs".to_owned());
        true
    });
    let page = page(&lab, "report bad");
    assert!(all(&page, "figure").is_empty());
    assert!(part(&page, "answer").contains("There is nothing to compare."));
    assert!(part(&page, "answer").contains("0 of 270 trials are valid"));
    let validity = part(&page, "validity");
    assert!(validity.contains("270 of 270 trials are invalid"), "{validity}");
    assert!(validity.contains("chaining-lock-free/epoch: key sum differs"), "{validity}");
    lab.run("report missing").exits(2).says(&["there is no folder missing"]);
    lab.run("report r --baseline nobody").exits(2).says(&["no subject matches `nobody`"]);
}

#[test]
fn an_answer_of_many_subjects_is_a_table() {
    let lab = recorded("overview");
    let page = page(&lab, "report r");
    let subjects = column(&page, "answer", "subject");
    let rank = json(&lab, "rank r");
    let ranks: Vec<&str> = rank["ranking"]["ranks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["subject"].as_str().unwrap())
        .collect();
    let compared = json(&lab, "cmp r");
    let is_compared =
        |name: &&str| comparisons(&compared).iter().any(|one| one["subject"] == **name);
    let expected: Vec<&str> = ranks.into_iter().filter(is_compared).collect();
    let shown: Vec<&str> = subjects.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(shown, expected);
    let answer = part(&page, "answer");
    assert!(!answer.contains("faster under") && !answer.contains("Then:"), "{answer}");
    // A figure says what it holds fixed, and is as wide as its text needs.
    let figures = part(&page, "figures");
    assert!(figures.contains("65536 keys (u64)"), "{figures}");
    assert!(lab.read("r/report.html").contains("--print: "));
}
