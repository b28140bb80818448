//! Ratios and p-values in words.

/// A ratio, to two or three digits.
pub(crate) fn factor(ratio: f64) -> String {
    let decimals = match ratio {
        _ if ratio >= 99.95 => 0,
        _ if ratio >= 9.995 => 1,
        _ if ratio >= 0.0995 => 2,
        _ if ratio >= 0.00995 => 3,
        _ if ratio >= 0.000_995 => 4,
        _ => 5,
    };
    format!("{ratio:.decimals$}")
}

/// A p-value, to two digits or so.
pub(crate) fn p_value(value: f64) -> String {
    match value {
        _ if value < 0.0001 => "<0.0001".to_owned(),
        _ if value < 0.01 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}
