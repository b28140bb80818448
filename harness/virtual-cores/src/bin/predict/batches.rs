//! The axis `reclaim_batch`: after how many retirements of a thread its scheme scans.

use anyhow::{Context, ensure};
use toml::Value;
use trials::case::MAX_RECLAIM_BATCH;

/// The batches that the axis lists; `None` is each scheme's own.
///
/// # Errors
///
/// It has what is no batch, or is an empty list.
pub(crate) fn read(axis: Option<&Value>) -> anyhow::Result<Vec<Option<usize>>> {
    let batches = match axis {
        None => vec![None],
        Some(Value::Array(listed)) => {
            listed.iter().map(batch).collect::<anyhow::Result<Vec<_>>>()?
        }
        Some(one) => vec![batch(one)?],
    };
    ensure!(!batches.is_empty(), "`reclaim_batch` is an empty list: give at least one value");
    Ok(batches)
}

fn batch(value: &Value) -> anyhow::Result<Option<usize>> {
    if value.as_str() == Some("default") {
        return Ok(None);
    }
    let nodes = value.as_integer().and_then(|nodes| u64::try_from(nodes).ok());
    let nodes = nodes.filter(|nodes| (1..=MAX_RECLAIM_BATCH).contains(nodes));
    let nodes = nodes.with_context(|| {
        format!(
            "reclaim_batch = {value}: a whole number of retirements from 1 to {MAX_RECLAIM_BATCH}, or \"default\""
        )
    })?;
    Ok(Some(usize::try_from(nodes)?))
}
