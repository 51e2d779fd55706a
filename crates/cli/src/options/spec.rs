//! The vocabulary of the option table.

use serde::Serialize;

/// What happens when an option is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Takes one value.
    Store,
    /// Takes any number of values, up to the next option (and so swallows positional arguments that follow).
    StoreMany,
    /// Takes one value each time it is given, and keeps all of them.
    StoreEach,
    /// Takes none and sets the option to true.
    StoreTrue,
    /// Names a further configuration file.
    ConfigFile,
    /// Prints the help and ends.
    Help,
    /// Prints the version and ends.
    Version,
    /// A positional argument, any number of times.
    Positional,
    /// An option of earlier versions: takes no value and is refused with its hint.
    Removed,
    /// As `Removed`, with a value.
    RemovedWithValue,
}

/// How the text of a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Taken as it is.
    Text,
    /// A whole number.
    Integer,
    /// A whole number above zero.
    PositiveInteger,
    /// How many workers: a whole number of at least one. What is said of others are Locust's words, which name the option.
    WorkerCount,
    /// A finite number of at least zero.
    Number,
    /// A finite number above zero.
    PositiveNumber,
    /// Seconds, or hours, minutes and seconds as in `1h30m10s`.
    Timespan,
    /// `start`, `ramp-end` or `warmup-end`.
    RunTimeFrom,
    /// `constant` or `poisson`.
    Arrivals,
    /// `intended` or `service`.
    Latency,
    /// A whole number from 1 to 16, or `auto`.
    IoThreads,
    /// An object or array of JSON, or the path of a `.json` file.
    UserConfig,
    /// One of the five log levels, in any case.
    LogLevel,
    /// No value.
    Flag,
}

/// The value of an option that nothing sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fallback {
    /// Python's `None`.
    Nothing,
    /// Python's `False`.
    Off(bool),
    /// A text, which is read as one from the command line would be.
    Text(&'static str),
    /// A number.
    Integer(i64),
    /// An empty list.
    List([&'static str; 0]),
}

/// The sections of `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the titles in `info` say it")]
pub enum Group {
    Common,
    WebUi,
    Master,
    Worker,
    Tag,
    Statistics,
    Logging,
    Other,
    UserClasses,
}

/// A section of `--help` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GroupInfo {
    /// Key used by [`Opt::group`].
    pub key: Group,
    /// Title; plugins look groups up by it.
    pub title: &'static str,
    /// Introduction printed below the title.
    pub description: Option<&'static str>,
}

impl Group {
    /// All sections, in the order of `--help`.
    pub const ALL: &[Self] = &[
        Self::Common,
        Self::WebUi,
        Self::Master,
        Self::Worker,
        Self::Tag,
        Self::Statistics,
        Self::Logging,
        Self::Other,
        Self::UserClasses,
    ];

    /// Title and introduction.
    pub const fn info(self) -> GroupInfo {
        let (title, description) = match self {
            Self::Common => ("Common options", None),
            Self::WebUi => ("Web UI options", None),
            Self::Master => (
                "Master options",
                Some(
                    "For the coordinating process of a distributed run. A master generates no load itself: it hands users to the workers that connect to it.",
                ),
            ),
            Self::Worker => (
                "Worker options",
                Some(
                    "For the load generating processes of a distributed run.\nA worker needs only these and --locustfile; what is run, and how long, comes from its master.",
                ),
            ),
            Self::Tag => ("Tag options", Some("Choose tasks by the tags that the @tag decorator gave them.")),
            Self::Statistics => ("Request statistics options", None),
            Self::Logging => ("Logging options", None),
            Self::Other => ("Other options", None),
            Self::UserClasses => ("User classes", None),
        };
        GroupInfo { key: self, title, description }
    }
}

/// One option: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Opt {
    /// The spellings, in the order of `--help`; empty for a positional argument. The long ones without their
    /// dashes are the keys of configuration files.
    pub flags: &'static [&'static str],
    /// Name of the attribute of the parsed options.
    pub dest: &'static str,
    /// Section of `--help`.
    pub group: Group,
    /// What happens when it is met.
    pub action: Action,
    /// How its value is read.
    pub kind: Kind,
    /// Its value when nothing sets it.
    pub default: Fallback,
    /// Environment variable that sets it.
    pub env: Option<&'static str>,
    /// Placeholder of the value in `--help`; without one the name in capitals.
    pub metavar: Option<&'static str>,
    /// Text of `--help`; hidden from it if absent.
    pub help: Option<&'static str>,
    /// What to tell somebody who uses an option that was removed.
    pub hint: Option<&'static str>,
    /// Whether Locust does not have it. Such an option never makes an abbreviation ambiguous that Locust knows.
    pub ours: bool,
}

impl Opt {
    /// An option with one value of the kind, unset by default.
    pub(super) const fn value(
        flags: &'static [&'static str],
        dest: &'static str,
        group: Group,
        kind: Kind,
    ) -> Self {
        Self {
            flags,
            dest,
            group,
            action: Action::Store,
            kind,
            default: Fallback::Nothing,
            env: None,
            metavar: None,
            help: None,
            hint: None,
            ours: false,
        }
    }

    /// A switch, off by default.
    pub(super) const fn switch(flags: &'static [&'static str], dest: &'static str, group: Group) -> Self {
        Self {
            action: Action::StoreTrue,
            default: Fallback::Off(false),
            ..Self::value(flags, dest, group, Kind::Flag)
        }
    }

    pub(super) const fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    pub(super) const fn default(mut self, default: Fallback) -> Self {
        self.default = default;
        self
    }

    pub(super) const fn env(mut self, name: &'static str) -> Self {
        self.env = Some(name);
        self
    }

    pub(super) const fn metavar(mut self, metavar: &'static str) -> Self {
        self.metavar = Some(metavar);
        self
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    /// Refuses the option with a hint.
    pub(super) const fn removed(mut self, hint: &'static str) -> Self {
        self.action =
            if matches!(self.kind, Kind::Flag) { Action::Removed } else { Action::RemovedWithValue };
        self.hint = Some(hint);
        self
    }

    /// An option that Locust does not have.
    pub(super) const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }
}
