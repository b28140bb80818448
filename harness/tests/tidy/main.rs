//! What keeps the sources tidy: the arrows between crates and between rooms, no circle of imports, files that
//! read in one sitting. Each rule is a function of text, and is tried on text that breaks it.

mod arrows;
mod imports;
mod rooms;
mod sizes;
mod source;
