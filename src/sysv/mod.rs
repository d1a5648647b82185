//! Init scripts: headers, run levels, links and their order, as chkconfig has them.
