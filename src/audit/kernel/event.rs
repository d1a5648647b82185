//! The bytes of fanotify events, taken apart; see fanotify(7).

use nix::libc;

use super::handle::Handle;

/// `struct fanotify_event_metadata` without what follows it.
const METADATA: usize = 24;
/// `struct fanotify_event_info_header`.
const INFO: usize = 4;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Event {
    /// `FAN_*` bits; events of one process about one name may have been merged.
    pub mask: u64,
    /// The process.
    pub pid: i32,
    /// The directory and the name in it.
    pub place: Option<EventPath>,
    /// For a rename: where it was.
    pub old: Option<EventPath>,
    /// The file itself.
    pub target: Option<Handle>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct EventPath {
    pub directory: Handle,
    pub name: Vec<u8>,
}

impl Event {
    /// Whether any of these bits is set.
    pub(crate) fn is(&self, mask: u64) -> bool {
        self.mask & mask != 0
    }
}

/// The events in a buffer that was read; what cannot be understood ends them.
pub(in crate::audit) fn parse(mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(length) = number32(bytes, 0).map(|length| length as usize) {
        let (Some(event), true) = (bytes.get(..length), length >= METADATA) else {
            break;
        };
        events.extend(one(event));
        bytes = &bytes[length..];
    }
    events
}

fn one(bytes: &[u8]) -> Option<Event> {
    let start = usize::from(number16(bytes, 6)?);
    let mut event = Event {
        mask: u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?),
        pid: number32(bytes, 20)? as i32,
        place: None,
        old: None,
        target: None,
    };
    let mut rest = bytes.get(start..)?;
    while rest.len() > INFO {
        let length = usize::from(number16(rest, 2)?);
        let info = rest.get(..length).filter(|info| info.len() > INFO)?;
        let (handle, name) = Handle::parse(&info[INFO..])?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let place = EventPath {
            directory: handle.clone(),
            name,
        };
        match info[0] {
            libc::FAN_EVENT_INFO_TYPE_FID => event.target = Some(handle),
            libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME => event.old = Some(place),
            libc::FAN_EVENT_INFO_TYPE_DFID_NAME
            | libc::FAN_EVENT_INFO_TYPE_DFID
            | libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME => event.place = Some(place),
            _ => {}
        }
        rest = &rest[length..];
    }
    Some(event)
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(kind: u8, name: &[u8]) -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([2, 0, 0, 0, 1, 0, 0, 0, 7, 8]);
        body.extend(name);
        body.push(0);
        let mut info = vec![kind, 0];
        info.extend(((body.len() + 4) as u16).to_ne_bytes());
        info.extend(body);
        info
    }

    fn event(mask: u64, infos: &[Vec<u8>]) -> Vec<u8> {
        let body = infos.concat();
        let mut bytes = ((METADATA + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend([3, 0]);
        bytes.extend((METADATA as u16).to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(42_i32.to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn events_are_taken_apart() {
        let renamed = event(libc::FAN_RENAME, &[info(10, b"a"), info(12, b"b"), info(1, b"")]);
        let made = event(libc::FAN_CREATE, &[info(2, b"new\nline")]);
        let events = parse(&[renamed, made].concat());
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].pid, events[0].is(libc::FAN_RENAME)), (42, true));
        assert_eq!(events[0].old.as_ref().unwrap().name, b"a");
        assert_eq!(events[0].place.as_ref().unwrap().name, b"b");
        assert!(events[0].target.is_some());
        assert_eq!(events[1].place.as_ref().unwrap().name, b"new\nline");
    }

    #[test]
    fn nonsense_is_no_event_and_no_panic() {
        let whole = event(libc::FAN_CREATE, &[info(2, b"x")]);
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), []);
        }
        assert_eq!(parse(&[0; 64]), []);
        assert_eq!(parse(&[255; 64]), []);
    }
}
