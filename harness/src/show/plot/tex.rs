//! Words of LaTeX and TikZ.

use std::fmt::Write;

use super::scale::SUPERSCRIPTS;
use super::style::Colour;

/// A size of text in whole points, which every font of LaTeX has.
pub(super) fn font(size: f64) -> String {
    format!("\\fontsize{{{:.0}}}{{{:.1}}}\\selectfont", size, size.round() * 1.2)
}

/// `text` as LaTeX sets it.
pub(crate) fn escaped(text: &str) -> String {
    let mut tex = String::new();
    for c in text.chars() {
        match c {
            '\\' => tex.push_str("\\textbackslash{}"),
            '~' => tex.push_str("\\textasciitilde{}"),
            '^' => tex.push_str("\\textasciicircum{}"),
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => tex.extend(['\\', c]),
            '<' | '>' | '|' => tex.extend(['$', c, '$']),
            'θ' => tex.push_str("$\\theta$"),
            'λ' => tex.push_str("$\\lambda$"),
            'σ' => tex.push_str("$\\sigma$"),
            'κ' => tex.push_str("$\\kappa$"),
            '≤' => tex.push_str("$\\le$"),
            '≥' => tex.push_str("$\\ge$"),
            '−' => tex.push_str("$-$"),
            '\u{a0}' => tex.push('~'),
            '–' => tex.push_str("--"),
            'µ' => tex.push_str("$\\mu$"),
            '⁻' => tex.push_str("$^{-}$"),
            c => match SUPERSCRIPTS.iter().position(|superscript| *superscript == c) {
                Some(digit) => {
                    let _ = write!(tex, "$^{digit}$");
                }
                None => tex.push(c),
            },
        }
    }
    tex
}

/// As an option of TikZ.
pub(super) fn tex_of_colour((red, green, blue): Colour) -> String {
    format!("{{rgb,255:red,{red};green,{green};blue,{blue}}}")
}
