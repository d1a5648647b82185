//! Unit files, their `[Install]` sections, presets and enablement states, as systemd has them.
