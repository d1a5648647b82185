//! The few librpm functions that are asked for at run time, if the library has them.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::mem::transmute;
use std::sync::OnceLock;

/// librpm's sonames from rpm 4.14 to 6, the likeliest first.
const LIBRARIES: [&CStr; 5] = [
    c"librpm.so.9",
    c"librpm.so.10",
    c"librpm.so.11",
    c"librpm.so.8",
    c"librpm.so",
];

/// `TR_ADDED` of rpm's element types.
const ADDED: c_int = 1;

type Database = unsafe extern "C" fn(ts: *mut c_void) -> *mut c_void;
type Count = unsafe extern "C" fn(database: *mut c_void, name: *const c_char) -> c_int;
type Text = unsafe extern "C" fn(te: *mut c_void) -> *const c_char;
type Kind = unsafe extern "C" fn(te: *mut c_void) -> c_int;

struct Functions {
    database: Database,
    count: Count,
    nevra: Text,
    name: Text,
    kind: Kind,
}

fn functions() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    FUNCTIONS.get_or_init(load).as_ref()
}

fn load() -> Option<Functions> {
    // SAFETY: RTLD_NOLOAD only looks for a library that this process has loaded; no code runs.
    let library = LIBRARIES
        .iter()
        .map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) })
        .find(|library| !library.is_null())?;
    let symbol = |name: &CStr| {
        // SAFETY: the handle is valid and the name is a C string.
        let address = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    };
    // SAFETY: the types are those of rpm's public headers, the same from 4.14 to 6.
    unsafe {
        Some(Functions {
            database: transmute::<*mut c_void, Database>(symbol(c"rpmtsGetRdb")?),
            count: transmute::<*mut c_void, Count>(symbol(c"rpmdbCountPackages")?),
            nevra: transmute::<*mut c_void, Text>(symbol(c"rpmteNEVRA")?),
            name: transmute::<*mut c_void, Text>(symbol(c"rpmteN")?),
            kind: transmute::<*mut c_void, Kind>(symbol(c"rpmteType")?),
        })
    }
}

/// How many packages of this name the transaction's database holds now.
pub fn installed(ts: *mut c_void, name: &str) -> Option<c_uint> {
    let functions = functions()?;
    let name = CString::new(name).ok()?;
    if ts.is_null() {
        return None;
    }
    // SAFETY: `ts` is the transaction set that rpm passed to a hook of the transaction under way.
    let count = unsafe {
        let database = (functions.database)(ts);
        if database.is_null() {
            return None;
        }
        (functions.count)(database, name.as_ptr())
    };
    c_uint::try_from(count).ok()
}

/// NEVRA and name of a transaction element that installs a package; `None` for one that erases.
pub fn added(te: *mut c_void) -> Option<(String, String)> {
    let functions = functions()?;
    if te.is_null() {
        return None;
    }
    // SAFETY: `te` is the element that rpm passed to the hook; its strings live as long as it.
    unsafe {
        if (functions.kind)(te) != ADDED {
            return None;
        }
        Some((text((functions.nevra)(te))?, text((functions.name)(te))?))
    }
}

/// # Safety
/// `string` is null or a C string.
unsafe fn text(string: *const c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    Some(unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}
