//! The pages of memory that a table asks for.

use kernel::MapOptions;
use structures::Pages;

pub(super) fn pages(options: &MapOptions) -> Pages {
    if options.huge_pages { Pages::Huge } else { Pages::Default }
}
