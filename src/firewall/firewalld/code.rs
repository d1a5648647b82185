//! firewalld's numbered error codes, and [`Fault`]: a code with what it is about.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $number:literal $name:literal,)*) => {
        /// An error code: the exit status of a command that ends with it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Code { $($variant = $number,)* }

        impl Code {
            /// The name that messages begin with.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    AlreadyEnabled = 11 "ALREADY_ENABLED",
    NotEnabled = 12 "NOT_ENABLED",
    CommandFailed = 13 "COMMAND_FAILED",
    ZoneAlreadySet = 16 "ZONE_ALREADY_SET",
    UnknownInterface = 17 "UNKNOWN_INTERFACE",
    ZoneConflict = 18 "ZONE_CONFLICT",
    NoDefaults = 22 "NO_DEFAULTS",
    BuiltinZone = 23 "BUILTIN_ZONE",
    BuiltinService = 24 "BUILTIN_SERVICE",
    BuiltinIcmptype = 25 "BUILTIN_ICMPTYPE",
    NameConflict = 26 "NAME_CONFLICT",
    NameMismatch = 27 "NAME_MISMATCH",
    ParseError = 28 "PARSE_ERROR",
    AccessDenied = 29 "ACCESS_DENIED",
    UnknownSource = 30 "UNKNOWN_SOURCE",
    IpsetWithTimeout = 32 "IPSET_WITH_TIMEOUT",
    BuiltinIpset = 33 "BUILTIN_IPSET",
    AlreadySet = 34 "ALREADY_SET",
    DbusError = 36 "DBUS_ERROR",
    BuiltinHelper = 37 "BUILTIN_HELPER",
    BuiltinPolicy = 39 "BUILTIN_POLICY",
    InvalidService = 101 "INVALID_SERVICE",
    InvalidPort = 102 "INVALID_PORT",
    InvalidProtocol = 103 "INVALID_PROTOCOL",
    InvalidInterface = 104 "INVALID_INTERFACE",
    InvalidAddr = 105 "INVALID_ADDR",
    InvalidForward = 106 "INVALID_FORWARD",
    InvalidIcmptype = 107 "INVALID_ICMPTYPE",
    InvalidTable = 108 "INVALID_TABLE",
    InvalidChain = 109 "INVALID_CHAIN",
    InvalidTarget = 110 "INVALID_TARGET",
    InvalidIpv = 111 "INVALID_IPV",
    InvalidZone = 112 "INVALID_ZONE",
    InvalidValue = 114 "INVALID_VALUE",
    InvalidName = 116 "INVALID_NAME",
    InvalidType = 119 "INVALID_TYPE",
    InvalidDestination = 121 "INVALID_DESTINATION",
    InvalidRule = 122 "INVALID_RULE",
    InvalidLimit = 123 "INVALID_LIMIT",
    InvalidFamily = 124 "INVALID_FAMILY",
    InvalidLogLevel = 125 "INVALID_LOG_LEVEL",
    InvalidAuditType = 126 "INVALID_AUDIT_TYPE",
    InvalidMark = 127 "INVALID_MARK",
    InvalidContext = 128 "INVALID_CONTEXT",
    InvalidCommand = 129 "INVALID_COMMAND",
    InvalidUser = 130 "INVALID_USER",
    InvalidUid = 131 "INVALID_UID",
    InvalidModule = 132 "INVALID_MODULE",
    InvalidPassthrough = 133 "INVALID_PASSTHROUGH",
    InvalidMac = 134 "INVALID_MAC",
    InvalidIpset = 135 "INVALID_IPSET",
    InvalidEntry = 136 "INVALID_ENTRY",
    InvalidOption = 137 "INVALID_OPTION",
    InvalidHelper = 138 "INVALID_HELPER",
    InvalidPriority = 139 "INVALID_PRIORITY",
    InvalidPolicy = 140 "INVALID_POLICY",
    InvalidLogPrefix = 141 "INVALID_LOG_PREFIX",
    InvalidNflogGroup = 142 "INVALID_NFLOG_GROUP",
    InvalidNflogQueue = 143 "INVALID_NFLOG_QUEUE",
    InvalidSource = 144 "INVALID_SOURCE",
    MissingTable = 200 "MISSING_TABLE",
    MissingChain = 201 "MISSING_CHAIN",
    MissingPort = 202 "MISSING_PORT",
    MissingProtocol = 203 "MISSING_PROTOCOL",
    MissingAddr = 204 "MISSING_ADDR",
    MissingName = 205 "MISSING_NAME",
    MissingSetting = 206 "MISSING_SETTING",
    MissingFamily = 207 "MISSING_FAMILY",
    RunningButFailed = 251 "RUNNING_BUT_FAILED",
    NotRunning = 252 "NOT_RUNNING",
    NotAuthorized = 253 "NOT_AUTHORIZED",
    UnknownError = 254 "UNKNOWN_ERROR",
}

impl Code {
    /// The exit status.
    pub fn exit(self) -> u8 {
        self as u8
    }

    /// An error with this code about `detail`, which may be empty.
    pub fn about(self, detail: impl Into<String>) -> Fault {
        Fault {
            code: self,
            detail: detail.into(),
            in_file: false,
        }
    }
}

/// What firewalld says of a text that should be a number, where it has no code for that.
pub(crate) fn no_number(text: &str) -> Fault {
    Code::UnknownError.about(format!("invalid literal for int() with base 10: '{text}'"))
}

/// An error that firewalld has a code for; shown as `CODE: detail`, or `CODE` alone. One without a
/// code of its own is shown as the detail alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code.
    pub code: Code,
    /// What it is about; empty where the code says all.
    pub detail: String,
    /// An existing file cannot be read: the configuration as a whole is unknown.
    pub in_file: bool,
}

impl Fault {
    /// The same, found in a file that is there.
    pub(crate) fn in_file(self) -> Fault {
        Fault {
            in_file: true,
            ..self
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.detail.as_str()) {
            (code, "") => f.write_str(code.name()),
            (Code::UnknownError, detail) => f.write_str(detail),
            (code, detail) => write!(f, "{}: {detail}", code.name()),
        }
    }
}

impl std::error::Error for Fault {}

/// What fallible functions of the file model return.
pub type Checked<T> = Result<T, Fault>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_without_detail_is_its_name() {
        assert_eq!(Code::MissingFamily.about("").to_string(), "MISSING_FAMILY");
        assert_eq!(Code::InvalidPort.about("x").to_string(), "INVALID_PORT: x");
        assert_eq!(Code::InvalidPort.exit(), 102);
    }
}
