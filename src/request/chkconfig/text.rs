//! What chkconfig prints about itself.

use crate::request::Reply;

/// The release whose behaviour is reproduced.
const VERSION: &str = "1.33";

const USAGE: &str = "\
usage:   chkconfig [--list] [--type <type>] [name]
         chkconfig --add <name>
         chkconfig --del <name>
         chkconfig --override <name>
         chkconfig [--level <levels>] [--type <type>] [--no-redirect] <name> [on|off|reset|resetpriorities]
";

/// `chkconfig version X`.
pub(super) fn version() -> Reply {
    let mut reply = Reply::new();
    reply.output.out_line(format!("chkconfig version {VERSION}"));
    reply
}

/// The usage text, which is an error even when it is asked for.
pub(super) fn usage() -> Reply {
    let mut reply = Reply::new();
    reply.output.err_line(format!("chkconfig version {VERSION}"));
    reply.output.err_line("Answered by nodeshim, under the Apache License 2.0.");
    reply.output.err_line("");
    reply.output.err(USAGE);
    reply.fail(1)
}
