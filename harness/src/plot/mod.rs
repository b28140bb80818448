//! Figures for papers, drawn from rows alone: the same rows give the same bytes.
//!
//! A figure is one file and one line of [`FIGURES`].

mod axis;
mod canvas;
mod font;
mod panels;
pub mod raster;
pub mod style;
#[cfg(test)]
mod tests;
mod throughput_threads;

use anyhow::Result;

use crate::row::Row;
use style::Style;

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The file's name without extension: the figure's, and what tells it from its siblings.
    pub file_stem: String,
    /// The picture, its size in points.
    pub svg: String,
}

/// Draws rows measured on a machine with so many CPUs: one picture for each setting.
pub type Draw = fn(&[Row], &Style, usize) -> Result<Vec<Drawing>>;

/// A kind of figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line: what it shows.
    pub summary: &'static str,
    /// Draws it; fails if no row can be drawn.
    pub draw: Draw,
}

/// Every kind of figure.
pub const FIGURES: &[Figure] = &[Figure {
    name: "throughput-threads",
    summary: "throughput against threads, one panel for each read ratio and skew",
    draw: throughput_threads::draw,
}];

/// The figure of that name.
#[must_use]
pub fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}
