//! Init scripts: headers, run levels, links and their order, as chkconfig has them.

pub mod convert;
pub mod header;
pub mod layout;
pub mod links;
pub mod native;
pub mod order;
pub mod plan;
pub mod script;
pub mod xinetd;
