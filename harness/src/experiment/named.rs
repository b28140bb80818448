//! Names and globs that a key lists.

use toml::Spanned;

use super::error::Problem;
use super::unknown::did_you_mean;
use super::value::{Section, TEXT};
use crate::programs::catalogue::NameGlob;
use crate::programs::on_demand;

/// The names that an axis of names or globs lists, each once.
pub(super) fn read_names<'c>(
    section: &Section<'_, '_>,
    key: &str,
    names: &[&'c str],
    default: &'static str,
    problems: &mut Vec<Problem>,
) -> Vec<&'c str> {
    let Some(patterns) = section.many(key, &TEXT, problems) else { return vec![default] };
    let mut listed = Vec::new();
    for pattern in patterns {
        for index in matching(key, &pattern, names, problems) {
            if !listed.contains(&names[index]) {
                listed.push(names[index]);
            }
        }
    }
    listed
}

/// What of `names` a text may mean that is none of them.
fn names_meant(written: &str, names: &[&str]) -> String {
    let parts: Vec<&str> = written.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.iter().all(|part| names.contains(part)) {
        return format!("several names are a list, [\"{}\"]; ", parts.join("\", \""));
    }
    let family = format!("{written}-");
    if names.iter().filter(|name| name.starts_with(&family)).count() > 1 {
        return format!("did you mean `{family}*`, which is several? ");
    }
    did_you_mean(written, names)
}

/// The positions in `names` of what `pattern` names. Nothing is a problem.
pub(super) fn matching(
    key: &str,
    pattern: &Spanned<String>,
    names: &[&str],
    problems: &mut Vec<Problem>,
) -> Vec<usize> {
    let written = pattern.get_ref();
    if let Some(index) = names.iter().position(|name| name == written) {
        return vec![index];
    }
    let mut problem = |message, help| {
        problems.push(Problem { span: pattern.span(), message, help });
        Vec::new()
    };
    let how = if key == "structure" { on_demand(written) } else { None };
    if !written.contains(['*', '?', '[', '{']) {
        let meant = || format!("{}`bench list` shows all", names_meant(written, names));
        return problem(format!("unknown {key} `{written}`"), how.unwrap_or_else(meant));
    }
    let glob: NameGlob = match written.parse() {
        Ok(glob) => glob,
        Err(error) => {
            return problem(
                format!("`{written}` is not a glob: {error}"),
                "`*` stands for any text, `?` for one character, `{a,b}` for either".to_owned(),
            );
        }
    };
    let matches: Vec<usize> = (0..names.len()).filter(|i| glob.matches(names[*i])).collect();
    if matches.is_empty() && !glob.names_variants() && names.iter().any(|name| glob.fits(name)) {
        return problem(
            format!("`{written}` matches variants only"),
            "a glob stands for variants if it has a `:` itself, as in `*:slots=*`".to_owned(),
        );
    }
    if matches.is_empty() {
        let meant = || format!("{}`bench list` shows all", did_you_mean(written, names));
        return problem(format!("no {key} matches `{written}`"), how.unwrap_or_else(meant));
    }
    matches
}
