//! firewalld's zones, services, policies, ipsets and their XML files.
