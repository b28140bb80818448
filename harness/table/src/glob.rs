//! Globs over names.

use std::fmt;
use std::str::FromStr;

/// A pattern of names: `*` stands for any text, `?` for one character, `[ab]` for one of these, `[!ab]` for one of
/// the others, `{x,y}` for either, and a backslash takes the next character as it is. A slash is a
/// character like any other.
///
/// To match takes at most as many steps as the lengths of pattern and name multiply to, for each combination of
/// what its braces offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    /// As the matcher reads it.
    pattern: String,
}

/// What the matcher is given for a slash, which no `*` of its own would match.
const SLASH: &str = "\u{1f}";

impl Glob {
    /// The one that `name` alone matches.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let mut pattern = String::with_capacity(name.len());
        for character in name.chars() {
            if "\\*?[]{}!".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        Self { text: name.to_owned(), pattern: pattern.replace('/', SLASH) }
    }

    /// Whether it matches the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        fast_glob::glob_match(&self.pattern, name.replace('/', SLASH))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl FromStr for Glob {
    type Err = BadGlob;

    /// # Errors
    ///
    /// A bracket or brace is not closed, a backslash is the last character, or there are more than ten braces.
    fn from_str(text: &str) -> Result<Self, BadGlob> {
        fast_glob::validate(text).map_err(BadGlob)?;
        let mut pattern = text.replace('/', SLASH);
        // There, one at the beginning would negate the whole.
        if pattern.starts_with('!') {
            pattern.insert(0, '\\');
        }
        Ok(Self { text: text.to_owned(), pattern })
    }
}

/// Why a text is not a glob, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGlob(fast_glob::Error);

impl fmt::Display for BadGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BadGlob {}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A part of a glob.
    #[derive(Clone, Debug)]
    enum Part {
        Any,
        One,
        Character(char),
        Of { others: bool, these: [char; 2] },
        Either(Vec<Part>, Vec<Part>),
    }

    /// Few characters, all that is special among them, so that most names nearly match.
    fn character() -> impl Strategy<Value = char> {
        prop::sample::select("aab/:,!*?[]{}\\".chars().collect::<Vec<_>>())
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let these = (any::<bool>(), prop::sample::select(vec![['a', 'b'], ['/', 'a'], [':', '*']]));
        let part = prop_oneof![
            2 => Just(Part::Any),
            1 => Just(Part::One),
            4 => character().prop_map(Part::Character),
            1 => these.prop_map(|(others, these)| Part::Of { others, these }),
        ];
        let part = part.prop_recursive(2, 8, 2, |part| {
            (vec(part.clone(), 0..3), vec(part, 0..3)).prop_map(|(x, y)| Part::Either(x, y))
        });
        // Often an exclamation mark first, which is special to the matcher.
        let first = prop::option::weighted(0.2, Just(Part::Character('!')));
        (first, vec(part, 0..5)).prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
    }

    fn written(parts: &[Part]) -> String {
        let one = |part: &Part| match part {
            Part::Any => "*".to_owned(),
            Part::One => "?".to_owned(),
            Part::Character(c) if "*?[]{}\\,".contains(*c) => format!("\\{c}"),
            Part::Character(c) => c.to_string(),
            Part::Of { others, these } => {
                let not = if *others { "!" } else { "" };
                format!("[{not}{}]", these.iter().collect::<String>())
            }
            Part::Either(x, y) => format!("{{{},{}}}", written(x), written(y)),
        };
        parts.iter().map(one).collect()
    }

    /// Whether they match the whole of `name`, by trying all that each may stand for.
    fn fits(parts: &[Part], name: &[char]) -> bool {
        let Some((part, rest)) = parts.split_first() else { return name.is_empty() };
        let first =
            |is: &dyn Fn(&char) -> bool| name.first().is_some_and(is) && fits(rest, &name[1..]);
        match part {
            Part::Any => (0..=name.len()).any(|any| fits(rest, &name[any..])),
            Part::One => first(&|_| true),
            Part::Character(this) => first(&|c| c == this),
            Part::Of { others, these } => first(&|c| these.contains(c) != *others),
            Part::Either(x, y) => [x, y].iter().any(|one| fits(&[one, rest].concat(), name)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_its_parts_stand_for(parts in parts(), names in vec(vec(character(), 0..6), 20)) {
            let text = written(&parts);
            // More are refused.
            prop_assume!(text.matches('{').count() <= 10);
            let glob: Glob = text.parse().unwrap();
            for name in names {
                let name_text: String = name.iter().collect();
                prop_assert_eq!(glob.matches(&name_text), fits(&parts, &name), "{} {}", text, name_text);
            }
        }

        #[test]
        fn a_names_own_glob_matches_it_alone(name in vec(character(), 0..6), other in vec(character(), 0..3)) {
            let [name, other] = [name, other].map(String::from_iter);
            let glob = Glob::of_name(&name);
            prop_assert_eq!(glob.text(), &name);
            prop_assert!(glob.matches(&name));
            prop_assert_eq!(glob.matches(&other), name == other);
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for (text, at) in [("[", 0), ("a[b", 1), ("{a", 0), ("{a,{b}", 0), ("a\\", 1)] {
            let error = text.parse::<Glob>().unwrap_err().to_string();
            assert!(error.contains(&format!("at byte {at}")), "{text}: {error}");
        }
        assert!("{a,b}".repeat(11).parse::<Glob>().is_err());
    }
}
