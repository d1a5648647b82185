//! lokkit's configuration file, service table and rule files.
