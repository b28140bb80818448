//! Figures with a picture for each setting.

use std::collections::BTreeSet;

use super::panels::Panels;
use super::picture::Sketch;
use super::schemes::file_stem;
use crate::analysis::setting::Group;
use crate::rows::Row;

/// A picture `name` for each of `groups`, which are of `rows`: with the cells, one for each row in the same order,
/// whose rows it has.
pub(super) fn by_setting<C>(
    name: &str,
    groups: &[Group],
    (rows, cells): (&[Row], &[C]),
    panels: impl Fn(&Group, Vec<&C>) -> Panels,
) -> Vec<Sketch> {
    let picture = |group: &Group| {
        let ids: BTreeSet<&str> = group.rows.iter().map(|row| row.case.as_str()).collect();
        let own = cells.iter().zip(rows).filter(|(_, row)| ids.contains(row.case.as_str()));
        let panels = panels(group, own.map(|(cell, _)| cell).collect());
        Sketch { file_stem: file_stem(name, &group.label), panels }
    };
    groups.iter().map(picture).collect()
}
