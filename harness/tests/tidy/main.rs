//! What keeps the sources tidy: the arrows between crates and between rooms, no circle of imports, no name for
//! two things, files that read in one sitting. Each rule is a function of text, and is tried on text that
//! breaks it.

mod arrows;
mod imports;
mod names;
mod pages;
mod rooms;
mod sizes;
mod source;
mod untested;
