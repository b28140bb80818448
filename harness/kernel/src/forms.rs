//! Tables in other forms than that in which they are usually measured: with another hasher, and of
//! byte strings.
//!
//! One form of each structure that can, with `epoch` and `hazard` where it takes a reclaimer: every
//! subject in every form would take three times as long to build.

/// Registers `$build` in both forms. It is an expression of a table for any key and value, so that it
/// is a macro's argument and not a function's.
#[macro_export]
macro_rules! in_both_forms {
    ($registrar:ident: $($name:literal, $reclaimer:expr => |$o:ident, $hasher:ident| $build:expr;)*) => {$(
        $registrar.add_hashed($name, $reclaimer, |$o: &$crate::MapOptions| {
            let $hasher = $o.any_hasher();
            $build
        });
        $registrar.add_bytes($name, $reclaimer, |$o: &$crate::MapOptions| {
            let $hasher = $o.any_hasher();
            $build
        });
    )*};
}
