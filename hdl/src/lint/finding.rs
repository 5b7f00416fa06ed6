//! What the lint reports.

use std::fmt;

macro_rules! rules {
    ($( $(#[doc = $doc:literal])+ $name:ident = $code:literal; )*) => {
        /// A rule of the lint.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $( $(#[doc = $doc])+ $name, )* }
        impl Rule {
            /// Every rule, in order.
            pub const ALL: &'static [Rule] = &[ $( Rule::$name ),* ];
            /// Short name: `L..` for rules on the syntax tree, `S..` for rules on the source text.
            pub const fn code(self) -> &'static str { match self { $( Rule::$name => $code ),* } }
            /// What the rule forbids.
            pub const fn summary(self) -> &'static str { match self { $( Rule::$name => concat!($($doc),+).trim_ascii() ),* } }
        }
    };
}

rules! {
    /// An operand that Verilog groups differently because it has no parentheses.
    Precedence = "L1";
    /// A result of `+ - * << !` compared, widened, shifted right, reduced or used as an index where it was computed.
    Width = "L2";
    /// A loop variable with the name of a field or of an outer loop variable.
    LoopName = "L3";
    /// A single-bit `!` as an operand of `+` or `-`.
    NotInSum = "L4";
    /// A bit or slice of something that is not a signal.
    SliceOfExpression = "L5";
    /// A signed cast.
    SignedCast = "L6";
    /// A signal read before it is written on every path.
    ReadBeforeWrite = "L7";
    /// A signal that is not written on every path, or written twice.
    Latch = "L8";
    /// A child's input that is read by its parent.
    ChildInputRead = "L9";
    /// A slice or bit that can leave its signal.
    OutOfRange = "L10";
    /// A name that Verilog does not know.
    UnknownName = "L11";
    /// A signal of a signed type.
    SignedSignal = "L12";
    /// A match arm that Verilog does not understand.
    MatchArm = "L13";
    /// A literal that does not fit, or that is negated.
    Literal = "L14";
    /// A field name that Verilog reserves or that Rust-HDL mangles.
    FieldName = "L15";
    /// Two enums of one name in a module.
    EnumName = "L16";
    /// An array index that Rust-HDL cannot compute.
    ArrayIndex = "L17";
    /// A kernel that reads no signal and so is never evaluated by an event-driven simulator.
    NoInputs = "L18";
    /// A signal that nothing drives.
    Undriven = "L19";
    /// A kernel that stops Rust-HDL.
    NoTree = "L20";
    /// An inclusive range in a kernel's loop.
    InclusiveRange = "S1";
    /// A guard on a match arm of a kernel.
    MatchGuard = "S2";
    /// A function whose name Rust-HDL takes for a cast.
    CastLikeFunction = "S3";
    /// An enum's variants brought into scope without the enum's name.
    BareVariants = "S4";
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path of the module (`top$child`), or `file:line` for a finding in the source text.
    pub module: String,
    /// The rule.
    pub rule: Rule,
    /// What is wrong and what to write instead.
    pub message: String,
    /// The expression or name that it is about.
    pub expression: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} `{}`: {}",
            self.module,
            self.rule.code(),
            self.expression,
            self.message
        )
    }
}

/// Collects the findings of one module.
pub(super) struct Sink {
    module: String,
    findings: Vec<Finding>,
}

impl Sink {
    pub(super) fn new(module: &str) -> Self {
        Self {
            module: module.to_string(),
            findings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, rule: Rule, expression: impl Into<String>, message: impl Into<String>) {
        self.findings.push(Finding {
            module: self.module.clone(),
            rule,
            message: message.into(),
            expression: expression.into(),
        });
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
