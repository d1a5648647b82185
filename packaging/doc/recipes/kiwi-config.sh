#!/bin/bash
# config.sh - kiwi calls it in the image root, after its packages are installed.
set -euo pipefail
nodeshim run --root / --name kiwi -- rpm -U /image/plugins/*.rpm
nodeshim check --root /
