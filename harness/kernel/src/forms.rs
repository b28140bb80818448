//! Registers tables again with a hasher chosen at run time, and with byte strings.
//!
//! A structure that takes reclaimers has these forms only under `epoch` and `hazard`: every subject in every form
//! would take three times as long to build.

/// Registers `$build` in both forms. `$build` is an expression that makes a table for any key and value. A function
/// cannot be generic over such a table, a macro can.
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
