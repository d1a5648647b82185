//! What the rpm plugin tells a running `nodeshim run` about each scriptlet: the words of their
//! conversation over a Unix socket in the directory of the plugin.
//!
//! One line a message. After [`Message::Pre`] and [`Message::Post`] rpm waits for one byte, so that
//! what happened before is distinguished from what comes after.

/// The socket's file name, in the directory that rpm loads the plugin from.
pub const SOCKET: &str = ".nodeshim-audit";

/// The answer that rpm waits for.
pub(crate) const GO_ON: u8 = b'.';

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A scriptlet is about to run.
    Pre {
        /// As rpm names it, `%post(foo-1-1.noarch)`.
        name: String,
        /// Its first argument, if it is known.
        argument: Option<u32>,
    },
    /// It has a process of its own; its body is kept under this digest, if it has one.
    Forked {
        /// SHA-256 in lower case hex.
        script: Option<String>,
    },
    /// It has ended.
    Post {
        /// Whether rpm takes it for a failure.
        failed: bool,
    },
}

impl Message {
    /// The line, with its newline.
    pub fn line(&self) -> String {
        match self {
            Message::Pre { name, argument } => {
                let argument = argument.map_or(String::new(), |argument| argument.to_string());
                format!("pre\t{argument}\t{}\n", name.replace('\n', " "))
            }
            Message::Forked { script } => format!("forked\t{}\n", script.as_deref().unwrap_or("")),
            Message::Post { failed } => format!("post\t{}\n", if *failed { "failed" } else { "" }),
        }
    }

    /// Reads a line without its newline.
    pub fn parse(line: &str) -> Option<Message> {
        let (verb, rest) = line.split_once('\t')?;
        match verb {
            "pre" => {
                let (argument, name) = rest.split_once('\t')?;
                Some(Message::Pre {
                    name: name.to_owned(),
                    argument: argument.parse().ok(),
                })
            }
            "forked" => {
                let is_digest = rest.len() == 64 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
                Some(Message::Forked {
                    script: is_digest.then(|| rest.to_owned()),
                })
            }
            "post" => Some(Message::Post {
                failed: rest == "failed",
            }),
            _ => None,
        }
    }

    /// Whether rpm waits for an answer.
    pub fn wants_answer(&self) -> bool {
        !matches!(self, Message::Forked { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back() {
        let messages = [
            Message::Pre {
                name: "%post(a-1-1.noarch)".into(),
                argument: Some(2),
            },
            Message::Pre {
                name: "%triggerin(a-1-1.noarch)".into(),
                argument: None,
            },
            Message::Forked { script: None },
            Message::Forked {
                script: Some("0".repeat(64)),
            },
            Message::Post { failed: true },
        ];
        for message in messages {
            assert_eq!(Message::parse(message.line().trim_end_matches('\n')), Some(message));
        }
        assert_eq!(Message::parse("nonsense"), None);
    }
}
