//! One question to the kernel's packet filter, by its own messages; see nfnetlink(7), netlink(7) and the kernel's
//! linux/netfilter/nf_tables.h.

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};
use nix::sys::socket::{recv, send, setsockopt, socket};
use nix::sys::time::{TimeVal, TimeValLike};

/// `NFNL_SUBSYS_NFTABLES` and `NFT_MSG_GETTABLE`; the answer is `NFT_MSG_NEWTABLE`.
const GET_TABLE: u16 = 10 << 8 | 1;
const NEW_TABLE: u16 = 10 << 8;
/// `NLM_F_REQUEST`
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`
const ERROR: u16 = 2;
/// `NFPROTO_INET`
const INET: u8 = 1;
/// `NFTA_TABLE_NAME`
const TABLE_NAME: u16 = 1;
/// The lengths of the headers of a netlink message and of netfilter's.
const HEADER: usize = 16;
const FILTER_HEADER: usize = 4;
/// How long the kernel may take, which answers within the call.
const LIMIT_SECONDS: i64 = 5;

/// Whether the kernel has a table of this name in the family inet.
///
/// # Errors
/// If it cannot be asked.
pub(super) fn has_table(name: &str) -> Result<bool, Errno> {
    let protocol = SockProtocol::NetlinkNetFilter;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(LIMIT_SECONDS))?;
    send(socket.as_raw_fd(), &question(name), MsgFlags::empty())?;
    let mut answer = [0; 4096];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    meaning(&answer[..length])
}

fn question(name: &str) -> Vec<u8> {
    let attribute = 4 + name.len() + 1;
    let length = HEADER + FILTER_HEADER + attribute.next_multiple_of(4);
    let mut message = Vec::with_capacity(length);
    message.extend((length as u32).to_ne_bytes());
    message.extend(GET_TABLE.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    // The number of the question, and who asks: the kernel knows.
    message.extend([0; 8]);
    message.extend([INET, 0, 0, 0]);
    message.extend((attribute as u16).to_ne_bytes());
    message.extend(TABLE_NAME.to_ne_bytes());
    message.extend(name.as_bytes());
    message.resize(length, 0);
    message
}

/// What the kernel answered: a table, or an error number.
fn meaning(answer: &[u8]) -> Result<bool, Errno> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let number = answer.get(HEADER..HEADER + 4).and_then(|bytes| bytes.try_into().ok());
    match (kind, number.map(i32::from_ne_bytes)) {
        (Some(NEW_TABLE), _) => Ok(true),
        (Some(ERROR), Some(number)) => match Errno::from_raw(-number) {
            Errno::ENOENT => Ok(false),
            errno => Err(errno),
        },
        _ => Err(Errno::EBADMSG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u16, number: i32) -> Vec<u8> {
        let kind = kind.to_ne_bytes();
        [&[36, 0, 0, 0][..], &kind, &[0; 10], &number.to_ne_bytes()].concat()
    }

    #[test]
    fn a_question_about_a_table_is_padded_and_names_its_length() {
        let message = question("abcd");
        assert_eq!(message.len(), 32);
        assert_eq!(message[..4], 32_u32.to_ne_bytes());
        assert_eq!(message[20..22], 9_u16.to_ne_bytes());
        assert_eq!(message[24..], *b"abcd\0\0\0\0");
    }

    #[test]
    fn a_table_that_is_missing_is_no_error() {
        assert_eq!(meaning(&answer(NEW_TABLE, 0)), Ok(true));
        assert_eq!(meaning(&answer(ERROR, -2)), Ok(false));
        assert_eq!(meaning(&answer(ERROR, -1)), Err(Errno::EPERM));
        assert_eq!(meaning(b""), Err(Errno::EBADMSG));
    }
}
