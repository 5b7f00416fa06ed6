//! `logic_block!`: a module's struct whose fields may say what they begin with.

/// Declares a module: the struct with `#[derive(LogicBlock)]`, and a `Default` that takes the values given with `=` (for
/// `Constant`s and children with arguments) and the type's default elsewhere.
macro_rules! logic_block {
    ($(#[$struct_meta:meta])* $struct_vis:vis struct $name:ident {
        $( $(#[$meta:meta])* $vis:vis $field:ident : $type:ty $(= $value:expr)? ),* $(,)?
    }) => {
        $(#[$struct_meta])*
        #[derive(LogicBlock)]
        $struct_vis struct $name { $( $(#[$meta])* $vis $field: $type ),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: logic_block!(@value $($value)?) ),* }
            }
        }
    };
    (@value) => { Default::default() };
    (@value $value:expr) => { $value };
}
