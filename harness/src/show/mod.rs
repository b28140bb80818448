//! Text and pictures of what was analysed.
//!
//! | file | holds |
//! | --- | --- |
//! | `text` | tables for terminals |
//! | `plot` | figures |
//! | `report` | one page of HTML |
//! | `export`, `hgrm` | files that other programs read |

pub mod export;
pub mod hgrm;
pub mod plot;
pub mod report;
pub mod text;
